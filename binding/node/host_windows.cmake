# Windows without Visual Studio: how the addon finds Node-API.
#
# A DLL imports functions from a module by its file name, and the program that loads this one may be called node.exe,
# electron.exe or anything else. Visual Studio's linker can put the import off, so that cmake-js's hook answers with the
# running program. zig's can't; so the functions are stubs here that jump to where the loader of this DLL has found them.
#
# aiosqlite_add_node_api_stubs(<target> <def file>): the names are those of the .def file that comes with the headers.
function(aiosqlite_add_node_api_stubs target def_file)
  file(STRINGS ${def_file} names REGEX "^(napi|node_api)_")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|ARM64")
    set(jump "adrp x16, to_@name@\\n ldr x16, [x16, :lo12:to_@name@]\\n br x16")
  else()
    set(jump "jmp *to_@name@(%rip)")
  endif()

  set(stubs "")
  set(table "")
  foreach(name IN LISTS names)
    string(REPLACE "@name@" ${name} body "${jump}")
    string(APPEND stubs "FARPROC to_${name};\n"
      "__asm__(\".text\\n .globl ${name}\\n .def ${name}; .scl 2; .type 32; .endef\\n${name}:\\n ${body}\\n\");\n")
    string(APPEND table "    {&to_${name}, \"${name}\"},\n")
  endforeach()

  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/generated/node_api_stubs.c @ONLY CONTENT
"// Made by binding/node/host_windows.cmake.
#include <windows.h>

@stubs@
static const struct { FARPROC* slot; const char* name; } functions[] = {
@table@};

// Before any other code of this DLL. What an older Node lacks stays null: the addon asks for Node-API 8 and no more.
__attribute__((constructor(101))) static void FindHost(void) {
  HMODULE host = GetModuleHandleW(0);
  if (!GetProcAddress(host, \"napi_create_function\")) host = GetModuleHandleW(L\"node.dll\");
  if (!host) return;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i) {
    *functions[i].slot = GetProcAddress(host, functions[i].name);
  }
}
")
  target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated/node_api_stubs.c)
  # The headers would declare the functions as another module's.
  target_compile_definitions(${target} PRIVATE NAPI_EXTERN=)
endfunction()

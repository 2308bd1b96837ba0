# CMake toolchain: compiles for another platform with zig's clang, which carries headers and C libraries of them all.
# Given by scripts/prebuildify-shim.mjs: AIOSQLITE_ZIG (the program) and AIOSQLITE_TRIPLE (what to compile for, such as
# x86_64-linux-gnu.2.28: the number is the oldest glibc that will do).
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES AIOSQLITE_ZIG AIOSQLITE_TRIPLE)

string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR ${AIOSQLITE_TRIPLE})
if(AIOSQLITE_TRIPLE MATCHES "-linux-")
  set(CMAKE_SYSTEM_NAME Linux)
elseif(AIOSQLITE_TRIPLE MATCHES "-macos")
  set(CMAKE_SYSTEM_NAME Darwin)
else()
  set(CMAKE_SYSTEM_NAME Windows)
endif()
# Said, so that CMake does not ask this machine.
set(CMAKE_SYSTEM_VERSION 1)

# CMake's first trials need not be linked: zig would compile its C++ library once more for them.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_C_COMPILER ${AIOSQLITE_ZIG} cc -target ${AIOSQLITE_TRIPLE})
set(CMAKE_CXX_COMPILER ${AIOSQLITE_ZIG} c++ -target ${AIOSQLITE_TRIPLE})
# zig is one program: its archiver is a word more, which CMake has no place for.
foreach(tool ar ranlib)
  set(file ${CMAKE_BINARY_DIR}/zig-${tool})
  if(NOT EXISTS ${file})
    file(WRITE ${file} "#!/bin/sh\nexec '${AIOSQLITE_ZIG}' ${tool} \"$@\"\n")
    execute_process(COMMAND chmod +x ${file})
  endif()
endforeach()
set(CMAKE_AR ${CMAKE_BINARY_DIR}/zig-ar CACHE FILEPATH "" FORCE)
set(CMAKE_RANLIB ${CMAKE_BINARY_DIR}/zig-ranlib CACHE FILEPATH "" FORCE)

set(CMAKE_USER_MAKE_RULES_OVERRIDE ${CMAKE_CURRENT_LIST_DIR}/zig-rules.cmake)

# Stripped: zig's own C++ library brings 18 MB of debug information.
add_link_options(-s)

# Windows has threads of its own. As trials are not linked, CMake would believe in a library of another name.
if(CMAKE_SYSTEM_NAME STREQUAL Windows)
  set(CMAKE_HAVE_LIBC_PTHREAD TRUE CACHE INTERNAL "")
endif()

set(AIOSQLITE_TOOLCHAIN_SOURCES ${CMAKE_CURRENT_LIST_DIR}/no_demangler.c)
if(AIOSQLITE_TRIPLE MATCHES "-gnu[.]")
  list(APPEND AIOSQLITE_TOOLCHAIN_SOURCES ${CMAKE_CURRENT_LIST_DIR}/glibc_stat.c)
endif()

# CMake links a module for macOS as a "bundle", which zig does not know; Node loads a dynamic library just as well.
if(CMAKE_SYSTEM_NAME STREQUAL Darwin)
  foreach(language C CXX)
    set(CMAKE_SHARED_MODULE_CREATE_${language}_FLAGS "-shared")
  endforeach()
endif()

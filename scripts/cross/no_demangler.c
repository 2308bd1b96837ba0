// What a C++ library calls to name the type of an exception that nobody catches. zig's would be a twentieth of the addon.
#include <stddef.h>

char* __cxa_demangle(const char* name, char* buffer, size_t* length, int* status) {
  (void)name, (void)buffer, (void)length;
  if (status) *status = -2;  // "not a name": the caller says the name as it is
  return NULL;
}

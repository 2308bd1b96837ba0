// A glibc before 2.33 has no stat() in its library: a program carries its own, which calls __xstat(). zig's carries one
// that sets an errno of its own, where nobody looks: SQLite could not tell a missing file from a forbidden one. That
// errno is a thread-local variable, too, of a kind that a library may not bring along when it is loaded later.
// These come first in the link, so that zig's are left out. The numbers are glibc's _STAT_VER of each architecture.
#if defined(__x86_64__)
enum { kStatVersion = 1 };
#else
enum { kStatVersion = 0 };
#endif

extern int __xstat64(int version, const char* path, void* status);
extern int __lxstat64(int version, const char* path, void* status);
extern int __fxstat64(int version, int file, void* status);

// Where files are of 64 bits anyway, these are the same. zig's C++ library calls them.
int stat(const char* path, void* status) { return __xstat64(kStatVersion, path, status); }
int lstat(const char* path, void* status) { return __lxstat64(kStatVersion, path, status); }
int fstat(int file, void* status) { return __fxstat64(kStatVersion, file, status); }

int stat64(const char* path, void* status) { return __xstat64(kStatVersion, path, status); }
int lstat64(const char* path, void* status) { return __lxstat64(kStatVersion, path, status); }
int fstat64(int file, void* status) { return __fxstat64(kStatVersion, file, status); }

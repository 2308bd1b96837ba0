// Copies of the addon in one process: each has a SQLite of its own.
#pragma once

#include <string>

namespace aiosqlite {

// Version of the package that this addon was compiled for.
const char* PackageVersion();

// Path of the copy that this process loaded before this one, of the same version; empty if there is none. Any
// thread. POSIX releases a process's locks on a file when any of its descriptors is closed, and only one
// SQLite can heed that (sqlite.org/howtocorrupt.html, section 2.2.1). Windows keeps the locks of each
// descriptor apart: always empty there.
std::string EarlierCopy();

}  // namespace aiosqlite

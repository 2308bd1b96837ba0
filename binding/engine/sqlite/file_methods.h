// Worker thread. Methods of our own in place of those that SQLite's VFS gave to an open file.
#pragma once

#include <sqlite3.h>

namespace aiosqlite {

// The beginning of what stands behind the methods of such a file.
struct FileMethods {
  sqlite3_io_methods own;  // first: a file leads to the rest
  const sqlite3_io_methods* original;

  static const FileMethods& Of(const sqlite3_file* file) {
    return *reinterpret_cast<const FileMethods*>(file->pMethods);
  }
};

}  // namespace aiosqlite

// Worker thread. Methods of our own in place of those that SQLite's VFS gave to an open file.
#pragma once

#include <sqlite3.h>

namespace aiosqlite {

// Such methods. Types made from it have more of their file.
struct FileMethods {
  sqlite3_io_methods own;  // first: a file leads to the rest
  const sqlite3_io_methods* original;
};

// The methods of a file that was given such of this type.
template <typename Methods>
Methods& MethodsOf(sqlite3_file* file) {
  const auto* methods = reinterpret_cast<const FileMethods*>(file->pMethods);
  return const_cast<Methods&>(static_cast<const Methods&>(*methods));
}

}  // namespace aiosqlite

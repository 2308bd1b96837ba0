// Worker thread. A whole database as bytes.
#pragma once

#include <string>

struct sqlite3;

namespace aiosqlite {

// The file that `main` would be if everything were moved into it; empty for a database without a page. The
// caller holds a transaction, so that all of it is one snapshot. SQLite's result code.
int ReadImage(sqlite3* db, std::string& image);

}  // namespace aiosqlite

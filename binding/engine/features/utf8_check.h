// Worker thread. Damaged texts of files that other programs have written.
#pragma once

struct sqlite3;

namespace aiosqlite {

// is_utf8(value): 0 for a text with bytes that are not UTF-8, which JavaScript would get as U+FFFD; 1 for
// every other value.
//
// SQLITE_DIRECTONLY: no schema depends on it.
int RegisterUtf8Check(sqlite3* db);

}  // namespace aiosqlite

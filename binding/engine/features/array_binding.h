// Worker thread. An array as the argument of carray(?).
#pragma once

struct sqlite3_stmt;

namespace aiosqlite {

class EntryReader;

// Binds the next `count` values of the entries as one array (sqlite.org/carray.html): numbers, texts without
// U+0000 or blobs, which is for the caller to see to. They are copied. Returns SQLite's result code.
int BindArray(sqlite3_stmt* statement, int index, EntryReader& entries, int count);

}  // namespace aiosqlite

// Worker thread. An array as the argument of carray(?).
#pragma once

struct sqlite3_stmt;

namespace aiosqlite {

class PacketReader;

// Binds the next `count` values of the packet as one array (sqlite.org/carray.html): numbers, texts without
// U+0000 or blobs, which is for the caller to see to. They are copied. Returns SQLite's result code.
int BindArray(sqlite3_stmt* statement, int index, PacketReader& packet, int count);

}  // namespace aiosqlite

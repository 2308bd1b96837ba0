// Worker thread. Bytes that pages keep of rows which are no longer there.
#pragma once

#include <cstddef>

struct sqlite3;

namespace aiosqlite {

// When SQLite balances pages it moves cells, and their old bytes stay in the unallocated part of a page: with
// secure_delete, too, which overwrites only what is deleted (seen with 3.53.4). From here on this connection
// writes zeros there to its database file, if that is in WAL mode. The WAL keeps the bytes until a checkpoint
// has emptied it.
void ClearRemainsOnWrite(sqlite3* db);

// The same in an image of a database.
void ClearRemains(unsigned char* image, size_t size);

}  // namespace aiosqlite

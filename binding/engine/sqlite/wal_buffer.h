// Worker thread. Fewer system calls for what is written to the WAL.
#pragma once

struct sqlite3;

namespace aiosqlite {

// SQLite writes each frame of the WAL with two calls, one for its header and one for its page. From here on
// this connection joins frames in memory and writes them with one call, at the latest with the frame that
// commits. This comes before the commit's sync and before other connections see it; a failure is the
// commit's.
//
// Frames are held only as long as the connection holds the WAL's write lock: what a rollback leaves is
// dropped with the lock, before another connection can write in its place. Does nothing without an open WAL,
// or a second time. Comes after ClearRemainsOnWrite().
void JoinWalWrites(sqlite3* db);

}  // namespace aiosqlite

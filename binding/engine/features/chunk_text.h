// Worker thread. Contents that are stored in chunks, as text.
#pragma once

struct sqlite3;

namespace aiosqlite {

// text_of_chunks(bytes, encoding): an aggregate. The blobs, one behind the other, as one text: 'base64' with
// padding, or 'utf-8' for bytes that are such text. Here, so that JavaScript gets a string and does not make
// it.
//
// SQLITE_DIRECTONLY: no schema depends on it.
int RegisterChunkText(sqlite3* db);

}  // namespace aiosqlite

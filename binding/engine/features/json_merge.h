// Worker thread. The SQL function json_merge_shallow(target, delta [, removed]).
#pragma once

struct sqlite3;

namespace aiosqlite {

// Registers it. The members of `delta` replace those of `target` with the same key, new ones come last, null
// is a value like any other. Members of `target` with a key of `removed`, an object whose values don't
// matter, are left out. Everything else is copied byte for byte. SQLite's own functions can't: json_patch
// drops nulls and merges deeply, json_each cuts keys at U+0000, json_set can't address a key with a quote.
// SQLITE_DIRECTONLY: for statements only, so that no schema depends on it.
int RegisterJsonMerge(sqlite3* db);

}  // namespace aiosqlite

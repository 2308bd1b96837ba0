// Worker thread. SQLite's result codes as data that another language can turn into its own errors.
#pragma once

#include <string>
#include <string_view>

#include "engine/job.h"

struct sqlite3;

namespace aiosqlite {

// Name of an extended result code: 2067 → "SQLITE_CONSTRAINT_UNIQUE" (sqlite.org/rescode.html).
const char* ErrorName(int errcode);

// Describes the last call on `db`, which returned `rc`. `sql`: the statement's own text.
Failure SqliteFailure(sqlite3* db, int rc, std::string_view sql);

// A failure of ours, code 'ERR_…'.
Failure OwnFailure(const char* code, std::string message);

// A write where there may be none: through a reader.
Failure ReadOnlyFailure();

// SQLITE_TOOBIG, for what JavaScript can't take.
Failure TooLong(std::string message, std::string_view sql);

// An integer that integerMode 'number' can't deliver.
Failure OutOfRange(std::string_view column, std::string_view sql);

}  // namespace aiosqlite

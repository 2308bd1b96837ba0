// Worker thread. Text arguments of SQL functions.
#pragma once

#include <string_view>

struct sqlite3_value;

namespace aiosqlite {

// The value as UTF-8 text; empty for NULL. Valid until the SQL function returns.
std::string_view TextOf(sqlite3_value* value);

}  // namespace aiosqlite

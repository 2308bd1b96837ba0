// Any thread. Removes values from the messages of SQLite.
#pragma once

#include <string>

namespace aiosqlite {

// The message of a failed sqlite3_step() without the value in it. Messages go to logs, and values are content
// of users. A message of sqlite3_prepare() needs no hiding: it speaks of SQL text alone.
std::string WithoutValues(const std::string& message);

// Whether SQLite takes a text in double quotes for the name of a column that does not exist.
bool IsAboutDoubleQuotes(const std::string& message);

}  // namespace aiosqlite

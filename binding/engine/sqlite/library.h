// Any thread. The SQLite that is linked in.
#pragma once

#include <string>
#include <vector>

namespace aiosqlite {

const char* SqliteVersion();
const char* SqliteSourceId();

// Compile options as SQLite lists them (sqlite.org/c3ref/compileoption_get.html).
std::vector<std::string> SqliteCompileOptions();

// Initializes the library; what is wrong with it, empty if nothing: another version than the one this was
// built for, or an option that is missing.
std::string CheckLibrary();

}  // namespace aiosqlite

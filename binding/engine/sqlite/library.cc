#include "engine/sqlite/library.h"

#include <sqlite3.h>

#include <string_view>

#include "sqlite_options.h"

namespace aiosqlite {

const char* SqliteVersion() { return sqlite3_libversion(); }

const char* SqliteSourceId() { return sqlite3_sourceid(); }

std::vector<std::string> SqliteCompileOptions() {
  std::vector<std::string> options;
  for (int i = 0; const char* option = sqlite3_compileoption_get(i); ++i) options.emplace_back(option);
  return options;
}

std::string CheckLibrary() {
  if (const int rc = sqlite3_initialize(); rc != SQLITE_OK) {
    return std::string("sqlite3_initialize: ") + sqlite3_errstr(rc);
  }
  if (std::string_view(sqlite3_libversion()) != kSqliteVersion) {
    return std::string("SQLite ") + sqlite3_libversion() + " is linked in instead of " + kSqliteVersion;
  }
  for (const char* option : kSqliteOptions) {
    if (sqlite3_compileoption_used(option) == 0) return std::string("SQLite was compiled without ") + option;
  }
  return {};
}

}  // namespace aiosqlite

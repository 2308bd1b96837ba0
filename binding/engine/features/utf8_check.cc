#include "engine/features/utf8_check.h"

#include <sqlite3.h>

#include "engine/features/text_value.h"
#include "engine/rows/json_text.h"
#include "engine/rows/utf16.h"

namespace aiosqlite {
namespace {

void Check(sqlite3_context* context, int, sqlite3_value** arguments) {
  bool is_utf8 = true;
  if (sqlite3_value_type(arguments[0]) == SQLITE_TEXT) {
    const std::string_view text = TextOf(arguments[0]);
    is_utf8 = json::IsAscii(text) || IsUtf8(text);
  }
  sqlite3_result_int(context, is_utf8 ? 1 : 0);
}

}  // namespace

int RegisterUtf8Check(sqlite3* db) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  return sqlite3_create_function_v2(db, "is_utf8", 1, kFlags, nullptr, &Check, nullptr, nullptr, nullptr);
}

}  // namespace aiosqlite

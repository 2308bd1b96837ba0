#include "engine/features/text_value.h"

#include <sqlite3.h>

namespace aiosqlite {

std::string_view TextOf(sqlite3_value* value) {
  // In this order: sqlite.org/c3ref/value_blob.html.
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return text == nullptr ? std::string_view{}
                         : std::string_view{text, static_cast<size_t>(sqlite3_value_bytes(value))};
}

}  // namespace aiosqlite

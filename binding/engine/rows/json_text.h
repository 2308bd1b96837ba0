// Any thread: pure functions over JSON text (RFC 8259).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aiosqlite::json {

// Nesting that is accepted: SQLite's own limit (sqlite.org/json1.html, JSON_MAX_DEPTH is 1000).
constexpr int kMaxDepth = 1000;

// Whether a JavaScript number holds it exactly, with its neighbours.
constexpr bool IsSafeInteger(int64_t value) {
  constexpr int64_t kMaximum = (int64_t{1} << 53) - 1;
  return value >= -kMaximum && value <= kMaximum;
}

bool IsAscii(std::string_view text);

// Appends `text` as a JSON string. Bytes that are not UTF-8 pass as they are; the decoder replaces them.
// Returns whether all of it was ASCII.
bool AppendString(std::string& out, std::string_view text);

// Whether `text` is one JSON value of at most kMaxDepth levels, in UTF-8. `ascii` tells whether all of it was
// ASCII.
bool IsValid(std::string_view text, bool& ascii);

struct Member {
  std::string key;        // decoded
  std::string_view name;  // as it is written, with quotes
  std::string_view value;
};

// The members of a JSON object in their order, values uninterpreted but validated. False if `text` is no
// valid object.
bool ReadObject(std::string_view text, std::vector<Member>& members);

}  // namespace aiosqlite::json

// Any thread: validates and takes apart JSON text (RFC 8259).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aiosqlite::json {

// Nesting that is accepted: SQLite's own limit (sqlite.org/json1.html, JSON_MAX_DEPTH is 1000).
constexpr int kMaxDepth = 1000;

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

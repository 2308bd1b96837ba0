// Any thread: writes JSON text (RFC 8259).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aiosqlite::json {

// Whether a JavaScript number holds it exactly, with its neighbours.
constexpr bool IsSafeInteger(int64_t value) {
  constexpr int64_t kMaximum = (int64_t{1} << 53) - 1;
  return value >= -kMaximum && value <= kMaximum;
}

bool IsAscii(std::string_view text);

// Appends `text` as a JSON string. Bytes that are not UTF-8 pass as they are; the decoder replaces them.
// Returns whether all of it was ASCII.
bool AppendString(std::string& out, std::string_view text);

}  // namespace aiosqlite::json

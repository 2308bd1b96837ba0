#include "engine/rows/json_text.h"

#include <cstdint>
#include <cstring>

#include "engine/rows/plain_run.h"

namespace aiosqlite::json {
namespace {

constexpr char kHex[] = "0123456789abcdef";

}  // namespace

bool IsAscii(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  uint64_t seen = 0;
  for (; end - at >= 8; at += 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    seen |= word;
  }
  for (; at < end; ++at) seen |= static_cast<unsigned char>(*at);
  return (seen & 0x8080808080808080U) == 0;
}

bool AppendString(std::string& out, std::string_view text) {
  bool ascii = true;
  out.push_back('"');
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const size_t run = PlainRun(at, end);
    out.append(at, run);
    at += run;
    if (at == end) break;
    const auto byte = static_cast<unsigned char>(*at++);
    if (byte >= 0x80) {
      ascii = false;
      const char* const begin = at - 1;
      while (at < end && static_cast<unsigned char>(*at) >= 0x80) ++at;
      out.append(begin, static_cast<size_t>(at - begin));
    } else if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(byte));
    } else if (byte == '\n') {
      out.append("\\n");
    } else {
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 0xF]);
    }
  }
  out.push_back('"');
  return ascii;
}

}  // namespace aiosqlite::json

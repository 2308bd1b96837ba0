// Any thread: the part of JSON strings that is copied as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace aiosqlite::json {

// Whether none of eight bytes ends a run of plain ASCII: below 0x20, a quote, a backslash, not ASCII.
inline bool AllPlain(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  constexpr uint64_t kHighs = 0x8080808080808080U;
  const auto has_zero = [](uint64_t x) { return (x - kOnes) & ~x & kHighs; };
  const uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return ((below_space | word) & kHighs) == 0 && has_zero(word ^ (kOnes * '"')) == 0 &&
         has_zero(word ^ (kOnes * '\\')) == 0;
}

// Length of the run of plain ASCII at the start of [at, end).
inline size_t PlainRun(const char* at, const char* end) {
  const char* const begin = at;
  while (end - at >= 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    if (!AllPlain(word)) break;
    at += 8;
  }
  while (at < end) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80) break;
    ++at;
  }
  return static_cast<size_t>(at - begin);
}

}  // namespace aiosqlite::json

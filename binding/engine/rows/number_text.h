// Any thread: numbers as JSON text.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

namespace aiosqlite {

template <class Integer>
void AppendInteger(std::string& out, Integer number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// The shortest text that reads back as the same double; JSON.parse makes Infinity of 1e999 and keeps -0.
inline void AppendReal(std::string& out, double number) {
  if (std::isinf(number)) {
    out.append(number > 0 ? "1e999" : "-1e999");
    return;
  }
  char digits[32];
#if defined(__cpp_lib_to_chars)
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
#else
  out.append(digits, static_cast<size_t>(std::snprintf(digits, sizeof digits, "%.17g", number)));
#endif
}

}  // namespace aiosqlite

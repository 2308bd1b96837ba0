// Any thread: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiosqlite {

// Appends UTF-8 as UTF-16. Bytes that are not UTF-8 become U+FFFD, as many as TextDecoder makes of them
// (encoding.spec.whatwg.org/#utf-8-decoder).
void AppendUtf16(std::u16string& out, std::string_view utf8);

// Whether all bytes are UTF-8.
bool IsUtf8(std::string_view text);

// Makes `out` the text if that is ASCII. Otherwise returns false.
bool ToAscii(std::u16string_view text, std::string& out);

// Most bytes that WriteUtf8 makes of the text: one, two or three of each unit.
size_t MostUtf8(std::u16string_view text);
// Writes UTF-16 as UTF-8, lone surrogates as U+FFFD. Returns the end of what was written.
char* WriteUtf8(std::u16string_view text, char* to);

}  // namespace aiosqlite

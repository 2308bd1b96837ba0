// Any thread: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace aiosqlite {

// Appends UTF-8 as UTF-16. Bytes that are not UTF-8 become U+FFFD, as many as TextDecoder makes of them
// (encoding.spec.whatwg.org/#utf-8-decoder).
void AppendUtf16(std::u16string& out, std::string_view utf8);

// Whether all bytes are UTF-8.
bool IsUtf8(std::string_view text);

}  // namespace aiosqlite

// UTF-8 as UTF-16 and back, damaged or not.
#include "engine/rows/utf16.h"

#include <string>

#include "test.h"

namespace aiosqlite::test {
namespace {

std::u16string Utf16Of(std::string_view utf8) {
  std::u16string out;
  AppendUtf16(out, utf8);
  return out;
}

std::string Utf8Of(std::u16string_view utf16) {
  std::string out(MostUtf8(utf16), '?');
  out.resize(static_cast<size_t>(WriteUtf8(utf16, out.data()) - out.data()));
  return out;
}

}  // namespace

TEST("every kind of character arrives as what it is") {
  EXPECT(Utf16Of("").empty());
  EXPECT(Utf16Of(std::string_view("a\0b", 3)) == std::u16string(u"a\0b", 3));
  EXPECT(Utf16Of("\x7F\xC2\x80\xDF\xBF") == u"\u007F\u0080\u07FF");
  EXPECT(Utf16Of("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF") == u"\u0800\uD7FF\uE000\uFFFF");
  EXPECT(Utf16Of("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF") == u"\U00010000\U0010FFFF");
}

TEST("what is no UTF-8 becomes as many U+FFFD as TextDecoder makes of it") {
  EXPECT(Utf16Of("a\x80z") == u"a\uFFFDz");
  EXPECT(Utf16Of("\xC0\xAF") == u"\uFFFD\uFFFD");            // longer than need be
  EXPECT(Utf16Of("\xE0\x80\x80") == u"\uFFFD\uFFFD\uFFFD");  // so, too
  EXPECT(Utf16Of("\xED\xA0\x80") == u"\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT(Utf16Of("\xF4\x90\x80\x80") == u"\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT(Utf16Of("\xF0\x9F\x98") == u"\uFFFD");    // cut at the end
  EXPECT(Utf16Of("\xF0\x9F\x98z") == u"\uFFFDz");  // cut before another
  EXPECT(Utf16Of("\xE2\x82\xE2\x82\xAC") == u"\uFFFD\u20AC");
  EXPECT(Utf16Of("\xFF\xFE") == u"\uFFFD\uFFFD");
}

TEST("what was there stays in front") {
  std::u16string out = u"[";
  AppendUtf16(out, "\xC3\xA9");
  EXPECT(out == u"[\u00E9");
}

TEST("UTF-16 becomes UTF-8, and lone surrogates U+FFFD") {
  EXPECT(Utf8Of(u"").empty());
  EXPECT(Utf8Of(std::u16string_view(u"a\0b", 3)) == std::string_view("a\0b", 3));
  EXPECT(Utf8Of(u"\u007F\u0080\u07FF") == "\x7F\xC2\x80\xDF\xBF");
  EXPECT(Utf8Of(u"\u0800\uD7FF\uE000\uFFFF") == "\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF");
  EXPECT(Utf8Of(u"\U00010000\U0010FFFF") == "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
  const std::string replaced = "\xEF\xBF\xBD";
  const char16_t high = 0xD800;
  const char16_t low = 0xDC00;
  EXPECT(Utf8Of(std::u16string{high}) == replaced);
  EXPECT(Utf8Of(std::u16string{low, high}) == replaced + replaced);
  EXPECT(Utf8Of(std::u16string{high, u'a', low}) == replaced + "a" + replaced);
  EXPECT(Utf8Of(std::u16string{high, high, low}) == replaced + "\xF0\x90\x80\x80");
}

TEST("ASCII is told from all else, wherever it stands") {
  std::string out = "before";
  EXPECT(ToAscii(u"", out) && out.empty());
  const std::u16string ascii(100, u'\x7F');
  EXPECT(ToAscii(ascii, out) && out == std::string(100, '\x7F'));
  for (size_t at : {0, 1, 63, 99}) {
    for (const char16_t other : {u'\x80', u'\u0100', u'\u4100', u'\uFF00'}) {
      std::u16string mixed = ascii;
      mixed[at] = other;
      EXPECT(!ToAscii(mixed, out));
    }
  }
}

}  // namespace aiosqlite::test

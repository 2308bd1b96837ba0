#include "engine/rows/utf16.h"

#include <cstddef>

namespace aiosqlite {
namespace {

constexpr char16_t kReplacement = 0xFFFD;

struct Lead {
  int following;         // bytes behind it; -1: no lead byte
  unsigned char lowest;  // of the first of them
  unsigned char highest;
};

// The ranges keep out what is longer than need be, surrogates, and what is beyond U+10FFFF.
Lead LeadOf(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {-1, 0, 0};
}

}  // namespace

void AppendUtf16(std::u16string& out, std::string_view utf8) {
  // Never more units than bytes.
  const size_t before = out.size();
  out.resize(before + utf8.size());
  char16_t* to = out.data() + before;
  const auto* at = reinterpret_cast<const unsigned char*>(utf8.data());
  const auto* const end = at + utf8.size();
  while (at < end) {
    const unsigned char byte = *at++;
    if (byte < 0x80) {
      *to++ = byte;
      continue;
    }
    const Lead lead = LeadOf(byte);
    char32_t point = byte & (0x3F >> (lead.following < 0 ? 0 : lead.following));
    int left = lead.following;
    unsigned char lowest = lead.lowest;
    unsigned char highest = lead.highest;
    for (; left > 0 && at < end && *at >= lowest && *at <= highest; --left) {
      point = (point << 6) | (*at++ & 0x3F);
      lowest = 0x80;
      highest = 0xBF;
    }
    if (left != 0) {
      *to++ = kReplacement;
    } else if (point < 0x10000) {
      *to++ = static_cast<char16_t>(point);
    } else {
      *to++ = static_cast<char16_t>(0xD7C0 + (point >> 10));
      *to++ = static_cast<char16_t>(0xDC00 + (point & 0x3FF));
    }
  }
  out.resize(static_cast<size_t>(to - out.data()));
}

bool IsUtf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    const unsigned char byte = *at++;
    if (byte < 0x80) continue;
    Lead lead = LeadOf(byte);
    if (lead.following < 0) return false;
    for (; lead.following > 0; --lead.following) {
      if (at == end || *at < lead.lowest || *at > lead.highest) return false;
      ++at;
      lead.lowest = 0x80;
      lead.highest = 0xBF;
    }
  }
  return true;
}

// Passes without a branch, of which compilers make vector instructions.
bool ToAscii(std::u16string_view text, std::string& out) {
  unsigned seen = 0;
  for (const char16_t unit : text) seen |= unit;
  if (seen >= 0x80) return false;
  out.assign(text.begin(), text.end());
  return true;
}

size_t MostUtf8(std::u16string_view text) {
  size_t bytes = text.size();
  for (const char16_t unit : text) bytes += (unit >= 0x80 ? 1 : 0) + (unit >= 0x800 ? 1 : 0);
  return bytes;
}

char* WriteUtf8(std::u16string_view text, char* to) {
  const auto put = [&to](char32_t byte) { *to++ = static_cast<char>(byte); };
  for (size_t i = 0; i < text.size(); ++i) {
    char32_t point = text[i];
    if (point < 0x80) {
      put(point);
      continue;
    }
    if (point < 0x800) {
      put(0xC0 | (point >> 6));
      put(0x80 | (point & 0x3F));
      continue;
    }
    if (point >= 0xD800 && point < 0xE000) {
      const char32_t next = i + 1 < text.size() ? text[i + 1] : 0;
      if (point < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
        point = 0x10000 + ((point - 0xD800) << 10) + (next - 0xDC00);
        ++i;
        put(0xF0 | (point >> 18));
        put(0x80 | ((point >> 12) & 0x3F));
        put(0x80 | ((point >> 6) & 0x3F));
        put(0x80 | (point & 0x3F));
        continue;
      }
      point = kReplacement;
    }
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
  return to;
}

}  // namespace aiosqlite

#include "engine/rows/json_text.h"

#include <cstdint>
#include <cstring>

namespace aiosqlite::json {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Eight bytes at once: does any of them end a run of plain ASCII (below 0x20, a quote, a backslash, not
// ASCII)?
bool AllPlain(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  constexpr uint64_t kHighs = 0x8080808080808080U;
  const auto has_zero = [](uint64_t x) { return (x - kOnes) & ~x & kHighs; };
  const uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return ((below_space | word) & kHighs) == 0 && has_zero(word ^ (kOnes * '"')) == 0 &&
         has_zero(word ^ (kOnes * '\\')) == 0;
}

// Length of the run of plain ASCII at the start of [at, end).
size_t PlainRun(const char* at, const char* end) {
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

// A recursive-descent reader. It looks at each byte once and allocates nothing.
class Reader {
 public:
  explicit Reader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  const char* at() const { return at_; }
  bool ascii() const { return ascii_; }
  bool AtEnd() {
    SkipSpace();
    return at_ == end_;
  }

  bool Value(int depth) {
    SkipSpace();
    if (at_ == end_) return false;
    switch (*at_) {
      case '{':
        return depth < kMaxDepth && Object(depth + 1);
      case '[':
        return depth < kMaxDepth && Array(depth + 1);
      case '"':
        return String();
      case 't':
        return Literal("true");
      case 'f':
        return Literal("false");
      case 'n':
        return Literal("null");
      default:
        return Number();
    }
  }

  bool String() {
    if (!Take('"')) return false;
    for (;;) {
      at_ += PlainRun(at_, end_);
      if (at_ == end_) return false;
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '"') {
        ++at_;
        return true;
      }
      if (byte < 0x20 || !(byte == '\\' ? Escape() : Multibyte())) return false;
    }
  }

  bool Take(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }

  void SkipSpace() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

 private:
  bool Object(int depth) {
    ++at_;
    SkipSpace();
    if (Take('}')) return true;
    do {
      SkipSpace();
      if (!String()) return false;
      SkipSpace();
      if (!Take(':') || !Value(depth)) return false;
      SkipSpace();
    } while (Take(','));
    return Take('}');
  }

  bool Array(int depth) {
    ++at_;
    SkipSpace();
    if (Take(']')) return true;
    do {
      if (!Value(depth)) return false;
      SkipSpace();
    } while (Take(','));
    return Take(']');
  }

  bool Literal(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word)
      return false;
    at_ += word.size();
    return true;
  }

  bool Digits() {
    const char* const begin = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > begin;
  }

  bool Number() {
    Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      return Digits();
    }
    return true;
  }

  bool Escape() {
    if (end_ - at_ < 2) return false;
    const char kind = at_[1];
    at_ += 2;
    if (kind != 'u') return std::strchr("\"\\/bfnrt", kind) != nullptr && kind != '\0';
    if (end_ - at_ < 4) return false;
    for (int i = 0; i < 4; ++i) {
      const char c = *at_++;
      const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (!hex) return false;
    }
    return true;
  }

  // One well-formed sequence of two to four bytes (Unicode 15, table 3-7).
  bool Multibyte() {
    ascii_ = false;
    const auto byte = [this](int i) { return static_cast<unsigned char>(at_[i]); };
    const auto lead = byte(0);
    const int width = lead >= 0xC2 && lead <= 0xDF   ? 2
                      : lead >= 0xE0 && lead <= 0xEF ? 3
                      : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                     : 0;
    if (width == 0 || end_ - at_ < width) return false;
    for (int i = 1; i < width; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    const auto second = byte(1);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second > 0x9F;
    const bool too_large = lead == 0xF4 && second > 0x8F;
    if (overlong || surrogate || too_large) return false;
    at_ += width;
    return true;
  }

  const char* at_;
  const char* const end_;
  bool ascii_ = true;
};

void AppendUtf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

uint32_t HexUnit(const char* at) {
  uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    unit = unit * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return unit;
}

// The text of a valid JSON string, so that "a" and "\u0061" are one key. A lone surrogate stays distinct: it
// is encoded as its three bytes, as in WTF-8.
std::string Decode(std::string_view quoted) {
  const std::string_view text = quoted.substr(1, quoted.size() - 2);
  if (text.find('\\') == std::string_view::npos) return std::string(text);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    const char kind = text[++i];
    switch (kind) {
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u': {
        uint32_t code = HexUnit(&text[i + 1]);
        i += 4;
        const bool high = code >= 0xD800 && code <= 0xDBFF;
        if (high && i + 6 < text.size() && text[i + 1] == '\\' && text[i + 2] == 'u') {
          const uint32_t low = HexUnit(&text[i + 3]);
          if (low >= 0xDC00 && low <= 0xDFFF) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            i += 6;
          }
        }
        AppendUtf8(out, code);
        break;
      }
      default:
        out.push_back(kind);
    }
  }
  return out;
}

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

bool IsValid(std::string_view text, bool& ascii) {
  Reader reader(text);
  const bool valid = reader.Value(0) && reader.AtEnd();
  ascii = reader.ascii();
  return valid;
}

bool ReadObject(std::string_view text, std::vector<Member>& members) {
  Reader reader(text);
  reader.SkipSpace();
  if (!reader.Take('{')) return false;
  reader.SkipSpace();
  if (reader.Take('}')) return reader.AtEnd();
  do {
    reader.SkipSpace();
    const char* const name = reader.at();
    if (!reader.String()) return false;
    const std::string_view quoted(name, static_cast<size_t>(reader.at() - name));
    reader.SkipSpace();
    if (!reader.Take(':')) return false;
    reader.SkipSpace();
    const char* const value = reader.at();
    if (!reader.Value(1)) return false;
    members.push_back({Decode(quoted), quoted, {value, static_cast<size_t>(reader.at() - value)}});
    reader.SkipSpace();
  } while (reader.Take(','));
  return reader.Take('}') && reader.AtEnd();
}

}  // namespace aiosqlite::json

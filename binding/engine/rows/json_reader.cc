#include "engine/rows/json_reader.h"

#include <cstdint>
#include <cstring>

#include "engine/rows/plain_run.h"

namespace aiosqlite::json {
namespace {

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

#include "engine/features/collations.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "engine/features/text_value.h"

namespace aiosqlite {
namespace {

struct FoldingRange {
  uint32_t first;
  uint32_t last;
  uint32_t step;
  int32_t delta;
};

constexpr FoldingRange kFolding[] = {
#include "engine/features/case_folding.inc"
};

uint32_t Fold(uint32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  const auto after =
      std::upper_bound(std::begin(kFolding), std::end(kFolding), code,
                       [](uint32_t wanted, const FoldingRange& range) { return wanted < range.first; });
  if (after == std::begin(kFolding)) return code;
  const FoldingRange& range = *std::prev(after);
  if (code > range.last || (code - range.first) % range.step != 0) return code;
  return static_cast<uint32_t>(static_cast<int64_t>(code) + range.delta);
}

// Walks UTF-8 character by character. Bytes that are none stand for themselves, above all characters.
class Characters {
 public:
  explicit Characters(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool AtEnd() const { return at_ == end_; }
  const char* at() const { return at_; }
  const char* end() const { return end_; }
  void Skip(const char* to) { at_ = to; }
  bool AtDigit() const { return at_ < end_ && *at_ >= '0' && *at_ <= '9'; }

  uint32_t Next() {
    const auto lead = static_cast<unsigned char>(*at_++);
    if (lead < 0x80) return lead;
    const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC2 ? 1 : 0;
    if (more == 0 || end_ - at_ < more) return kInvalid + lead;
    uint32_t code = lead & (0x3FU >> more);
    for (int i = 0; i < more; ++i) {
      const auto byte = static_cast<unsigned char>(at_[i]);
      if ((byte & 0xC0) != 0x80) return kInvalid + lead;
      code = (code << 6) | (byte & 0x3F);
    }
    at_ += more;
    return code;
  }

 private:
  static constexpr uint32_t kInvalid = 0x110000;
  const char* at_;
  const char* const end_;
};

int Sign(int64_t difference) { return difference < 0 ? -1 : difference > 0 ? 1 : 0; }

int CompareBytes(std::string_view a, std::string_view b) { return Sign(a.compare(b)); }

// The digits that stand here, without leading zeros; moves behind them.
std::string_view TakeNumber(Characters& text) {
  const char* first = text.at();
  while (first < text.end() && *first == '0') ++first;
  const char* last = first;
  while (last < text.end() && *last >= '0' && *last <= '9') ++last;
  text.Skip(last);
  return {first, static_cast<size_t>(last - first)};
}

std::vector<uint32_t> Folded(std::string_view text) {
  std::vector<uint32_t> codes;
  codes.reserve(text.size());
  for (Characters characters(text); !characters.AtEnd();) codes.push_back(Fold(characters.Next()));
  return codes;
}

void Contains(sqlite3_context* context, int, sqlite3_value** arguments) {
  for (int i : {0, 1}) {
    if (sqlite3_value_type(arguments[i]) == SQLITE_NULL) return;
  }
  sqlite3_result_int(context, ContainsUnicodeNocase(TextOf(arguments[0]), TextOf(arguments[1])) ? 1 : 0);
}

template <int (*Compare)(std::string_view, std::string_view)>
int OnCompare(void*, int size_a, const void* a, int size_b, const void* b) {
  return Compare({static_cast<const char*>(a), static_cast<size_t>(size_a)},
                 {static_cast<const char*>(b), static_cast<size_t>(size_b)});
}

}  // namespace

int CompareUnicodeNocase(std::string_view a, std::string_view b) {
  Characters left(a);
  Characters right(b);
  while (!left.AtEnd() && !right.AtEnd()) {
    const int64_t difference = int64_t{Fold(left.Next())} - Fold(right.Next());
    if (difference != 0) return Sign(difference);
  }
  return left.AtEnd() ? (right.AtEnd() ? 0 : -1) : 1;
}

bool ContainsUnicodeNocase(std::string_view text, std::string_view part) {
  const std::vector<uint32_t> in = Folded(text);
  const std::vector<uint32_t> wanted = Folded(part);
  return wanted.empty() || std::search(in.begin(), in.end(), wanted.begin(), wanted.end()) != in.end();
}

int CompareNatural(std::string_view a, std::string_view b) {
  Characters left(a);
  Characters right(b);
  while (!left.AtEnd() && !right.AtEnd()) {
    if (left.AtDigit() && right.AtDigit()) {
      const std::string_view first = TakeNumber(left);
      const std::string_view second = TakeNumber(right);
      if (first.size() != second.size()) return first.size() < second.size() ? -1 : 1;
      if (const int order = CompareBytes(first, second)) return order;
      continue;
    }
    const int64_t difference = int64_t{Fold(left.Next())} - Fold(right.Next());
    if (difference != 0) return Sign(difference);
  }
  if (left.AtEnd() != right.AtEnd()) return left.AtEnd() ? -1 : 1;
  return CompareBytes(a, b);
}

int RegisterCollations(sqlite3* db) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  int rc = sqlite3_create_function_v2(db, "contains_nocase", 2, kFlags, nullptr, &Contains, nullptr, nullptr,
                                      nullptr);
  if (rc != SQLITE_OK) return rc;
  rc = sqlite3_create_collation_v2(db, "UNICODE_NOCASE", SQLITE_UTF8, nullptr,
                                   &OnCompare<CompareUnicodeNocase>, nullptr);
  if (rc != SQLITE_OK) return rc;
  return sqlite3_create_collation_v2(db, "NATURAL_NOCASE", SQLITE_UTF8, nullptr, &OnCompare<CompareNatural>,
                                     nullptr);
}

}  // namespace aiosqlite

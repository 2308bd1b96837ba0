// UNICODE_NOCASE and NATURAL_NOCASE.
#include "support.h"

namespace aiosqlite::test {
namespace {

std::string Order(const std::string& collation, const std::vector<std::string>& texts) {
  Local local;
  local.Rows({"CREATE TABLE t (x)"});
  for (const std::string& text : texts) local.Rows({"INSERT INTO t VALUES (?)", {text}});
  return local.Rows({"SELECT x FROM t ORDER BY x COLLATE " + collation + ", rowid", {}, RowMode::kArray});
}

bool Same(const std::string& collation, const std::string& a, const std::string& b) {
  Local local;
  return local.Rows({"SELECT ? = ? COLLATE " + collation, {a, b}, RowMode::kArray}) == "[[1]]";
}

}  // namespace

TEST("UNICODE_NOCASE finds letters of any script the same in either case, and nothing else") {
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{
           {"ABC", "abc"}, {"\xc3\x84", "\xc3\xa4"}, {"\xce\xa3", "\xcf\x83"}, {"\xd0\x96", "\xd0\xb6"}})
    EXPECT(Same("unicode_nocase", a, b));
  EXPECT(!Same("unicode_nocase", "\xc3\xa4", "a"));
  EXPECT(!Same("unicode_nocase", "a", "a "));
  EXPECT(!Same("unicode_nocase", "1", "01"));
}

TEST("NATURAL_NOCASE orders numbers in texts by their value, however many digits they have") {
  EXPECT(Order("natural_nocase", {"file10", "File9", "file010", "file2"}) ==
             R"([["file2"],["File9"],["file10"],["file010"]])" ||
         Order("natural_nocase", {"file10", "File9", "file010", "file2"}) ==
             R"([["file2"],["File9"],["file010"],["file10"]])");
  const std::string many(400, '9');
  EXPECT(Order("natural_nocase", {"a1" + many, "a" + many}) == "[[\"a" + many + "\"],[\"a1" + many + "\"]]");
}

TEST("contains_nocase finds a part of a text in either case of any script, and NULL in nothing") {
  const auto contains = [](Param text, Param part) {
    Local local;
    return local.Rows({"SELECT contains_nocase(?, ?)", {text, part}, RowMode::kArray});
  };
  EXPECT(contains("Trip to \xc3\x84gypten", "\xc3\xa4GYP") == "[[1]]");
  EXPECT(contains("\xd0\x96\xd0\xb6", "\xd0\xb6\xd0\x96") == "[[1]]");
  EXPECT(contains("abc", "") == "[[1]]");
  EXPECT(contains("", "a") == "[[0]]");
  EXPECT(contains("ab", "abc") == "[[0]]");
  // Bytes that are not UTF-8 stand for themselves.
  EXPECT(contains("a\xff", "\xff") == "[[1]]");
  EXPECT(contains("a\xc3", "\xc3\xa4") == "[[0]]");
  EXPECT(contains(nullptr, "a") == "[[null]]");
  EXPECT(contains("a", nullptr) == "[[null]]");
}

// SQLite's indexes rely on it (sqlite.org/c3ref/create_collation.html).
TEST("both collations are an order: the same both ways, and without circles, for any bytes") {
  const std::vector<std::string> texts = {
      "",     "a", "A",  "aa",       "a1", "a01", "a10",      "a2", "\xff", "\xc3", "\xc3\xa4",
      "\xf0", "1", "01", "\xc3\x84", "1a", "b",   "\xe2\x82", "0",  "00",   "a1b",  "a01b"};
  Local local;
  for (const std::string collation : {"unicode_nocase", "natural_nocase"}) {
    const auto less = [&](const std::string& a, const std::string& b) {
      return local.Rows({"SELECT ? < ? COLLATE " + collation, {a, b}, RowMode::kArray}) == "[[1]]";
    };
    std::map<std::pair<size_t, size_t>, bool> table;
    for (size_t a = 0; a < texts.size(); ++a) {
      for (size_t b = 0; b < texts.size(); ++b) table[{a, b}] = less(texts[a], texts[b]);
    }
    for (size_t a = 0; a < texts.size(); ++a) {
      EXPECT(!(table[{a, a}]));
      for (size_t b = 0; b < texts.size(); ++b) {
        EXPECT(!(table[{a, b}] && table[{b, a}]));
        for (size_t c = 0; c < texts.size(); ++c) {
          if (table[{a, b}] && table[{b, c}]) EXPECT((table[{a, c}]));
        }
      }
    }
  }
}

}  // namespace aiosqlite::test

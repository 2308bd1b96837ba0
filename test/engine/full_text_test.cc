// The SQL functions scope_words, cosine_similarity and scoped_bm25.
#include <cmath>
#include <cstring>

#include "support.h"

namespace aiosqlite::test {
namespace {

// One value, as rows.
std::string Value(const std::string& sql, const Params& params = {}) {
  static Local local;
  return local.Rows({sql, params, RowMode::kArray});
}

std::string Words(const Param& text, const Param& prefix) {
  return Value("SELECT scope_words(?, ?)", {text, prefix});
}

Param Vector(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());  // no null pointer to memcpy
  return Blob{bytes};
}

std::string Cosine(const Param& a, const Param& b) {
  return Value("SELECT round(cosine_similarity(?, ?), 6)", {a, b});
}

// Rows 1 … of texts, each in a scope: a digit before its words.
void AddTexts(Local& local, const std::vector<std::pair<std::string, std::string>>& texts) {
  local.Rows({"CREATE VIRTUAL TABLE t USING fts5(words, tokenize = 'porter unicode61')"});
  for (const auto& [scope, text] : texts)
    local.Rows({"INSERT INTO t (words) VALUES (scope_words(?, ?))", {text, scope}});
}

}  // namespace

TEST("scope_words puts the prefix before each word, and one space between two") {
  EXPECT(Words("What's up, user_id?", "p") == R"([["pWhat ps0 pup0 puser pid0"]])");
  EXPECT(Words("  ", "p") == R"([[""]])");
  EXPECT(Words("", "p") == R"([[""]])");
  EXPECT(Words("v2.0.1-rc", "s1x") == R"([["s1xv20 s1x00 s1x10 s1xrc0"]])");
  EXPECT(Words(nullptr, "p") == "[[null]]");
}

TEST("scope_words takes every character beyond ASCII for part of a word") {
  EXPECT(Words("grüße 東京", "p") == R"([["pgrüße p東京"]])");
  EXPECT(Words("a\xFF"
               "b",
               "p")
             .rfind("[[\"pa", 0) == 0);
}

TEST("cosine_similarity compares vectors of one length, and nothing else") {
  EXPECT(Cosine(Vector({1, 0}), Vector({1, 0})) == "[[1]]");
  EXPECT(Cosine(Vector({1, 0}), Vector({0, 2})) == "[[0]]");
  EXPECT(Cosine(Vector({1, 2}), Vector({-1, -2})) == "[[-1]]");
  EXPECT(Cosine(Vector({1, 1}), Vector({1, 0})) == "[[0.707107]]");
  EXPECT(Cosine(Vector({0, 0}), Vector({1, 0})) == "[[0]]");
  EXPECT(Cosine(Vector({1}), Vector({1, 0})) == "[[null]]");
  EXPECT(Cosine(Vector({}), Vector({})) == "[[null]]");
  EXPECT(Cosine(Blob{"abc"}, Blob{"abc"}) == "[[null]]");
  EXPECT(Cosine("text", "text") == "[[null]]");
  EXPECT(Cosine(nullptr, Vector({1})) == "[[null]]");
  EXPECT(Cosine(Vector({NAN}), Vector({1})) == "[[null]]");
}

TEST("scoped_bm25 weighs words by the rows of the scope, whatever else the index holds") {
  const std::vector<std::pair<std::string, std::string>> mine = {
      {"1", "the cat sat on the mat"}, {"1", "the dog"}, {"1", "a rare zebra and the cat"}};
  Local alone;
  AddTexts(alone, mine);
  auto more = mine;
  for (int i = 0; i < 50; ++i) more.push_back({"2", "zebra zebra crossing of a road"});
  for (int i = 0; i < 50; ++i) more.push_back({"2", "a dog sat there for an hour"});
  Local among;
  AddTexts(among, more);
  const auto order = [](Local& local) {
    return local.Rows(
        {"SELECT rowid FROM t WHERE t MATCH '\"1zebra\" OR \"1the\"' ORDER BY scoped_bm25(t, 2, 3)",
         {},
         RowMode::kArray});
  };
  EXPECT(order(alone).rfind("[[3],", 0) == 0);
  EXPECT(order(among).rfind("[[3],", 0) == 0);
  EXPECT(among.Rows({"SELECT count(*) FROM t WHERE t MATCH '\"1zebra\" OR \"1the\"'", {}, RowMode::kArray}) ==
         "[[3]]");
}

TEST("scoped_bm25 takes the same word of several scopes for one") {
  Local local;
  AddTexts(local, {{"1", "alpha beta"}, {"2", "alpha beta"}, {"1", "gamma delta"}, {"2", "gamma delta"}});
  // Two rows of four have it: ln(1 + (4 - 2 + 0.5) / (2 + 0.5)), to the power of 1.25.
  EXPECT(local.Rows({"SELECT rowid, round(scoped_bm25(t, 1, 4), 6) FROM t "
                     "WHERE t MATCH '\"1alpha\" OR \"2alpha\"' ORDER BY rowid",
                     {},
                     RowMode::kArray}) == "[[1,-0.632458],[2,-0.632458]]");
}

TEST("scoped_bm25 with numbers that do not fit is an error") {
  Local local;
  AddTexts(local, {{"1", "alpha beta"}});
  for (const char* arguments : {"t", "t, 0, 1", "t, -1, 1", "t, 2, 1", "t, NULL, NULL", "t, 1"}) {
    Outcome outcome;
    const std::string sql =
        std::string("SELECT scoped_bm25(") + arguments + ") FROM t WHERE t MATCH '\"1alpha\"'";
    EXPECT(local.Run({sql}, outcome));
  }
  EXPECT(local.Rows(
             {"SELECT scoped_bm25(t, 1, 0) < 0 FROM t WHERE t MATCH '\"1alpha\"'", {}, RowMode::kArray}) ==
         "[[1]]");
}

TEST("a schema can't use these functions") {
  Local local;
  local.Rows({"CREATE TABLE t (a)"});
  for (const char* call : {"scope_words(a, a)", "cosine_similarity(a, a)"}) {
    Outcome outcome;
    EXPECT(local.Run({std::string("CREATE INDEX i ON t (") + call + ")"}, outcome));
  }
}

}  // namespace aiosqlite::test

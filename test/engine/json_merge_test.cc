// The SQL function json_merge_shallow(target, delta [, removed]).
#include "support.h"

namespace aiosqlite::test {
namespace {

// The merged text; "!" and the code if it fails.
std::string Merge(const Param& target, const Param& delta) {
  static Local local;
  Outcome outcome;
  const Query query{"SELECT CAST(json_merge_shallow(?, ?) AS BLOB)", {target, delta}, RowMode::kArray};
  if (auto failure = local.Run(query, outcome)) return "!" + failure->code;
  return outcome.results[0].first.bytes;
}

// The same with keys to remove.
std::string MergeAndRemove(const Param& target, const Param& delta, const Param& removed) {
  static Local local;
  Outcome outcome;
  const Query query{
      "SELECT CAST(json_merge_shallow(?, ?, ?) AS BLOB)", {target, delta, removed}, RowMode::kArray};
  if (auto failure = local.Run(query, outcome)) return "!" + failure->code;
  return outcome.results[0].first.bytes;
}

}  // namespace

TEST("members of the delta replace those of the same key, new ones come last") {
  EXPECT(Merge(R"({"a":1,"b":2})", R"({"b":3,"c":4})") == R"({"a":1,"b":3,"c":4})");
  EXPECT(Merge("{}", R"({"a":1})") == R"({"a":1})");
  EXPECT(Merge(R"({"a":1})", "{}") == R"({"a":1})");
  EXPECT(Merge("{}", "{}") == "{}");
}

TEST("null is a value like any other, not a removal") {
  EXPECT(Merge(R"({"a":1})", R"({"a":null,"b":null})") == R"({"a":null,"b":null})");
  EXPECT(Merge(R"({"a":null})", R"({"b":1})") == R"({"a":null,"b":1})");
}

TEST("keys of the third argument are left out of the target, however they are written; the delta wins") {
  EXPECT(MergeAndRemove(R"({"a":1,"b":2,"c":3})", R"({"c":4,"d":5})", R"({"a":null,"x":null})") ==
         R"({"b":2,"c":4,"d":5})");
  EXPECT(MergeAndRemove(R"({"caf\u00e9":1,"a\"b":2,"a\u0000":3,"__proto__":4,"a":5})", "{}",
                        R"({"café":0,"a\"b":0,"a\u0000":0,"__proto__":0})") == R"({"a":5})");
  EXPECT(MergeAndRemove(R"({"a":1,"b":0,"a":2})", "{}", R"({"a":null})") == R"({"b":0})");
  EXPECT(MergeAndRemove(R"({"a":1})", R"({"a":2})", R"({"a":null})") == R"({"a":2})");
  EXPECT(MergeAndRemove(R"({"a":1})", R"({"b":2})", nullptr) == R"({"a":1,"b":2})");
  EXPECT(MergeAndRemove(R"({"a":1})", "{}", R"(["a"])") == "!SQLITE_ERROR");
}

TEST("a nested object is replaced, not merged") {
  EXPECT(Merge(R"({"a":{"x":1,"y":2}})", R"({"a":{"z":3}})") == R"({"a":{"z":3}})");
}

TEST("what is not replaced is copied byte for byte") {
  EXPECT(Merge(R"({ "a" : 1.0e+00 , "\u0062" : "\u00e9/\/" ,"c":[ 1 , 2 ]})", R"({"d": -0 })") ==
         R"({"a":1.0e+00,"\u0062":"\u00e9/\/","c":[ 1 , 2 ],"d":-0})");
}

TEST("keys are equal if they mean the same, however they are escaped; the target's spelling stays") {
  EXPECT(Merge(R"({"caf\u00e9":1,"x":0})", R"({"café":2})") == R"({"caf\u00e9":2,"x":0})");
  EXPECT(Merge(R"({"😀":1})", R"({"\ud83d\ude00":2})") == R"({"😀":2})");
  EXPECT(Merge(R"({"a":1})", R"({"\u0061":2})") == R"({"a":2})");
}

TEST("of members of one key the last counts, on either side") {
  EXPECT(Merge(R"({"a":1,"b":0,"a":2})", R"({"c":1})") == R"({"b":0,"a":2,"c":1})");
  EXPECT(Merge(R"({"a":0})", R"({"a":1,"a":2})") == R"({"a":2})");
  EXPECT(Merge("{}", R"({"n":1,"n":2,"m":3})") == R"({"n":2,"m":3})");
}

TEST("keys with quotes, dots, U+0000, lone surrogates and the names of JavaScript's objects are plain keys") {
  EXPECT(Merge(R"({"a\"b":1,"$.x":2})", R"({"a\"b":3,"$.x":4})") == R"({"a\"b":3,"$.x":4})");
  EXPECT(Merge(R"({"a":1,"a\u0000":2})", R"({"a\u0000":3})") == R"({"a":1,"a\u0000":3})");
  EXPECT(Merge(R"({"\ud800":1,"\udc00":2})", R"({"\uD800":3})") == R"({"\ud800":3,"\udc00":2})");
  EXPECT(Merge(R"({"__proto__":1})", R"({"__proto__":2,"constructor":3,"":4})") ==
         R"({"__proto__":2,"constructor":3,"":4})");
}

TEST("big objects merge right, below and above where keys are looked for through a table") {
  for (const int size : {7, 8, 9, 10, 300}) {
    std::string target = "{";
    std::string delta = "{";
    std::string expected = "{";
    for (int i = 0; i < size; ++i) {
      const std::string key = "\"k" + std::to_string(i) + "\":";
      target += (i > 0 ? "," : "") + key + "1";
      expected += (i > 0 ? "," : "") + key + (i % 3 == 0 ? "2" : "1");
      if (i % 3 == 0) delta += (i > 0 ? "," : "") + key + "2";
    }
    EXPECT(Merge(target + "}", delta + ",\"new\":3}") == expected + ",\"new\":3}");
    EXPECT(Merge(target + "}", R"({"k0":2})").rfind(R"({"k0":2,"k1":1)", 0) == 0);
    EXPECT(Merge(R"({"k0":0,"z":9})", target + "}").rfind(R"({"k0":1,"z":9,"k1":1)", 0) == 0);
  }
}

TEST("what is no JSON object is an error, without what it held in its message") {
  for (const Param& bad :
       Params{"", "[]", "1", "null", "{", R"({"secret":})", nullptr, 5, R"({"a":1} x)", "{\"a\":\"\xFF\"}"}) {
    EXPECT(Merge(bad, "{}") == "!SQLITE_ERROR");
    EXPECT(Merge("{}", bad) == "!SQLITE_ERROR");
  }
  Local local;
  Outcome outcome;
  const auto failure = local.Run({"SELECT json_merge_shallow(?, '{}')", {R"({"secret":})"}}, outcome);
  EXPECT(failure && failure->message.find("secret") == std::string::npos);
}

TEST("a schema can't use it: it is for statements only") {
  Local local;
  local.Rows({"CREATE TABLE t (a)"});
  Outcome outcome;
  EXPECT(local.Run({"CREATE INDEX i ON t (json_merge_shallow(a, a))"}, outcome));
  local.Rows({"CREATE VIEW v AS SELECT json_merge_shallow(a, a) FROM t"});
  EXPECT(local.Run({"SELECT * FROM v"}, outcome));
}

TEST("it does in an UPDATE what it is for") {
  Local local;
  local.Rows({"CREATE TABLE t (k PRIMARY KEY, state)"});
  local.Rows({"INSERT INTO t VALUES (1, '{\"a\":1}')"});
  local.Rows(
      {"INSERT INTO t VALUES (1, '{\"b\":null}') ON CONFLICT DO UPDATE SET state = json_merge_shallow(state, "
       "excluded.state)"});
  EXPECT(local.Rows({"SELECT state FROM t", {}, RowMode::kArray, IfNone::kContinue, {"state"}}) ==
         R"([[{"a":1,"b":null}]])");
}

}  // namespace aiosqlite::test

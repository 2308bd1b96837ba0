// Rows as JavaScript gets them: the first as JSON, the rest packed.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "failing_allocator.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr int64_t kTwo53 = int64_t{1} << 53;

// The text that stands for the first rows, patches and all.
std::string FirstOf(Local& local, const Query& query) {
  Outcome outcome;
  if (auto failure = local.Run(query, outcome)) return "!" + failure->code + " " + failure->column;
  return outcome.results[0].first.text;
}
std::string FirstOf(const Query& query) {
  Local local;
  return FirstOf(local, query);
}

Query Objects(const std::string& sql, const Params& params = {}) { return {sql, params, RowMode::kObject}; }
Query Arrays(const std::string& sql, const Params& params = {}) { return {sql, params, RowMode::kArray}; }

Local With(IntegerMode mode) {
  Settings settings;
  settings.integer_mode = mode;
  return Local(":memory:", settings);
}

uint64_t BitsOf(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// A finite double of random bits.
double RandomDouble(std::mt19937_64& random) {
  for (;;) {
    const uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) return value;
  }
}

}  // namespace

TEST("rows come as objects or arrays, every type in its form") {
  const Params params{nullptr, 1, 1.5, "text", Blob{"blob"}};
  EXPECT(FirstOf(Objects("SELECT ? AS n, ? AS i, ? AS r, ? AS t, ? AS b", params)) ==
         R"([[{"n":null,"i":1,"r":1.5,"t":"text","b":null}],[[0,4,0,4]]])");
  EXPECT(FirstOf(Arrays("SELECT ?, ?, ?, ?, ? UNION ALL SELECT 1, 2, 3, 4, 5", params)) ==
         R"([[[null,1,1.5,"text",null],[1,2,3,4,5]],[[0,4,0,4]]])");
}

TEST("without rows there is nothing, and columns are named only if someone needs them") {
  Local local;
  Outcome outcome;
  EXPECT(!local.Run({"SELECT 1 AS a WHERE 0", {}, RowMode::kObject, IfNone::kContinue, {}, true}, outcome));
  EXPECT(outcome.results[0].first.text.empty());
  EXPECT(outcome.results[0].columns == R"(["a"])");
  outcome = {};
  EXPECT(!local.Run(Objects("SELECT 1 AS a"), outcome));
  EXPECT(outcome.results[0].columns.empty());
  outcome = {};
  EXPECT(!local.Run(Objects("SELECT x'00' AS a, 1 AS b"), outcome));
  EXPECT(outcome.results[0].columns == R"(["a","b"])");
  outcome = {};
  EXPECT(!local.Run({"SELECT 1 AS a", {}, RowMode::kNone}, outcome));
  EXPECT(outcome.results[0].first.text.empty() && outcome.results[0].columns.empty());
}

TEST("only the first row comes where only the first is wanted, and a write still does all of its work") {
  Local local;
  EXPECT(FirstOf(local, {"VALUES (1), (2), (3)", {}, RowMode::kFirstArray}) == "[[[1]],[]]");
  EXPECT(FirstOf(local, {"SELECT 1 AS a UNION ALL SELECT 2", {}, RowMode::kFirstObject}) ==
         R"([[{"a":1}],[]])");
  local.Rows({"CREATE TABLE t (n)"});
  EXPECT(FirstOf(local, {"INSERT INTO t VALUES (1), (2), (3) RETURNING n", {}, RowMode::kFirstArray}) ==
         "[[[1]],[]]");
  EXPECT(local.Rows(Arrays("SELECT count(*) FROM t")) == "[[3]]");
  // The statement is over, not only interrupted: a lock that it held would be seen.
  local.Rows({"DROP TABLE t"});
}

TEST("integers up to 2^53 - 1 are numbers; beyond, each mode does what it says") {
  const std::string largest = std::to_string(kTwo53 - 1);
  const std::string more = std::to_string(kTwo53);
  const Query query = Arrays("SELECT ?, ?, ?", {kTwo53 - 1, -(kTwo53 - 1), int64_t{0}});
  const Query beyond = Arrays("SELECT 1, ?, ?", {kTwo53, std::numeric_limits<int64_t>::min()});
  Local mixed = With(IntegerMode::kMixed);
  EXPECT(FirstOf(mixed, query) == "[[[" + largest + ",-" + largest + ",0]],[]]");
  EXPECT(FirstOf(mixed, beyond) ==
         "[[[1,null,null]],[[0,1,\"" + more + "\"],[0,2,\"-9223372036854775808\"]]]");
  Local numbers = With(IntegerMode::kNumber);
  EXPECT(FirstOf(numbers, query) == "[[[" + largest + ",-" + largest + ",0]],[]]");
  EXPECT(FirstOf(numbers, Arrays("SELECT ? AS big", {kTwo53})) == "!ERR_OUT_OF_RANGE big");
  Local bigints = With(IntegerMode::kBigint);
  EXPECT(FirstOf(bigints, Arrays("SELECT 1, 2.5, ?", {kTwo53})) ==
         "[[[null,2.5,null]],[[0,0,\"1\"],[0,2,\"" + more + "\"]]]");
}

TEST("a write whose result no number holds is undone") {
  Local local = With(IntegerMode::kNumber);
  local.Rows({"CREATE TABLE t (n INTEGER PRIMARY KEY, x)"});
  EXPECT(FirstOf(local, Arrays("INSERT INTO t VALUES (1, ?) RETURNING x", {kTwo53})) ==
         "!ERR_OUT_OF_RANGE x");
  EXPECT(FirstOf(local, {"INSERT INTO t (n) VALUES (?)", {kTwo53}}) == "!ERR_OUT_OF_RANGE lastInsertRowid");
  local.Rows({"BEGIN"});
  EXPECT(FirstOf(local, Arrays("INSERT INTO t VALUES (2, ?) RETURNING x", {kTwo53})) ==
         "!ERR_OUT_OF_RANGE x");
  local.Rows({"COMMIT"});
  EXPECT(local.Rows(Arrays("SELECT count(*) FROM t")) == "[[0]]");
}

TEST("doubles arrive bit for bit, as JSON and packed") {
  std::mt19937_64 random(20240607);
  Local local;
  local.Rows({"CREATE TABLE d (n INTEGER PRIMARY KEY, x)"});
  std::vector<double> values = {0.0,
                                -0.0,
                                0.1,
                                1.0 / 3,
                                5e-324,
                                -5e-324,
                                2.2250738585072014e-308,
                                1.7976931348623157e308,
                                -1.7976931348623157e308,
                                9007199254740993.0,
                                1e15,
                                1e16,
                                1e21,
                                1e22,
                                123456789.125,
                                1e-7};
  while (values.size() < 3000) values.push_back(RandomDouble(random));
  for (const double value : values) local.Rows({"INSERT INTO d (x) VALUES (?)", {value}});
  // One row at a time comes as JSON.
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string text =
        FirstOf(local, Arrays("SELECT x FROM d WHERE n = ?", {static_cast<int64_t>(i + 1)}));
    const double back = std::strtod(text.c_str() + 3, nullptr);
    if (BitsOf(back) != BitsOf(values[i])) Fail(__FILE__, __LINE__, text);
  }
  Outcome outcome;
  EXPECT(!local.Run(Arrays("SELECT x FROM d ORDER BY n"), outcome));
  size_t at = values.size();
  for (auto chunk = outcome.results[0].rest.rbegin(); chunk != outcome.results[0].rest.rend(); ++chunk) {
    for (size_t i = chunk->numbers.size(); i-- > 0;) EXPECT(chunk->numbers[i] == BitsOf(values[--at]));
  }
  EXPECT(at > 0 && at < 300);  // those that came as JSON
}

TEST("infinities and negative zero survive; NaN is NULL in SQLite") {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT(FirstOf(Arrays("SELECT ?, ?, ?, ?", {infinity, -infinity, -0.0, std::nan("")})) ==
         "[[[1e999,-1e999,-0,null]],[]]");
}

TEST("blobs stand one behind the other, patches say where: empty ones too") {
  Local local;
  Outcome outcome;
  const std::string all("\0\1\xFF\x80", 4);
  EXPECT(!local.Run(
      Arrays("SELECT ?, x'', ? UNION ALL SELECT 'x', ?, NULL", {Blob{all}, Blob{"abc"}, Blob{""}}), outcome));
  const JsonRows& first = outcome.results[0].first;
  EXPECT(first.text == R"([[[null,null,null],["x",null,null]],[[0,0,0,4],[0,1,4,0],[0,2,4,3],[1,1,7,0]]])");
  EXPECT(first.bytes == all + "abc");
}

TEST("texts keep quotes, control characters and U+0000; bytes that are no UTF-8 pass through") {
  const std::string text("q\"\\\n\x01\0z", 7);
  EXPECT(FirstOf(Arrays("SELECT ?", {text})) == R"([[["q\"\\\n\u0001\u0000z"]],[]])");
  EXPECT(FirstOf(Arrays("SELECT ?, CAST(x'FF80' AS TEXT)", {"é😀"})) == "[[[\"é😀\",\"\xFF\x80\"]],[]]");
}

TEST("long texts stand apart from the JSON, as what they become; patches say where") {
  Local local;
  Outcome outcome;
  const std::string plain(65536, 'x');
  std::string wide;
  for (int i = 0; i < 32768; ++i) wide += "é";
  EXPECT(!local.Run(Arrays("SELECT 'a', ?, ?, ?", {plain, wide, plain.substr(1)}), outcome));
  const JsonRows& first = outcome.results[0].first;
  EXPECT(first.text == "[[[\"a\",null,null,\"" + plain.substr(1) + "\"]],[[0,1,0],[0,2,1]]]");
  EXPECT(first.ascii);
  EXPECT(first.long_texts.size() == 2);
  EXPECT(first.long_texts[0].ascii == plain && first.long_texts[0].wide.empty());
  EXPECT(first.long_texts[1].ascii.empty() && first.long_texts[1].wide == std::u16string(32768, u'é'));
}

TEST("whether the text is ASCII is right for values, names and JSON") {
  const auto ascii = [](const Query& query) {
    Local local;
    Outcome outcome;
    EXPECT(!local.Run(query, outcome));
    return outcome.results[0].first.ascii;
  };
  EXPECT(ascii(Objects("SELECT 'plain' AS a, 1.5 AS b, x'FF' AS c")));
  EXPECT(!ascii(Objects("SELECT 'é' AS a")));
  EXPECT(!ascii(Objects("SELECT 1 AS é")));
  EXPECT(ascii(Arrays("SELECT 1 AS é")));
  EXPECT(!ascii({"SELECT '[\"é\"]' AS a", {}, RowMode::kArray, IfNone::kContinue, {"a"}}));
}

TEST("column names with quotes, unicode and __proto__ are plain keys") {
  EXPECT(
      FirstOf(Objects(R"(SELECT 1 AS "a""b", 2 AS "__proto__", 3 AS "é\", 4 AS "", 5 AS "constructor")")) ==
      R"([[{"a\"b":1,"__proto__":2,"é\\":3,"":4,"constructor":5}],[]])");
}

TEST("of two columns of one name an object keeps the last, an array both") {
  const std::string sql = "SELECT 1 AS a, 2 AS b, x'00' AS a, 4 AS a";
  EXPECT(FirstOf(Objects(sql)) == R"([[{"b":2,"a":4}],[]])");
  EXPECT(FirstOf(Arrays(sql)) == R"([[[1,2,null,4]],[[0,2,0,1]]])");
  EXPECT(FirstOf(Objects("SELECT 1 AS a, x'00' AS a")) == R"([[{"a":null}],[[0,1,0,1]]])");
}

TEST("JSON columns come as what they hold, other columns as text") {
  const std::string sql = R"(SELECT '{"a":[1, 2]}' AS j, '[3]' AS t, NULL AS n, 5 AS i)";
  EXPECT(FirstOf({sql, {}, RowMode::kObject, IfNone::kContinue, {"j", "n", "i"}}) ==
         R"([[{"j":{"a":[1, 2]},"t":"[3]","n":null,"i":5}],[]])");
}

TEST("a JSON column that holds no JSON, or is none, is an error that names it") {
  Local local;
  const auto json = [](const std::string& sql, const std::string& column, RowMode mode = RowMode::kObject) {
    return Query{sql, {}, mode, IfNone::kContinue, {column}};
  };
  EXPECT(FirstOf(local, json("SELECT '{bad' AS j", "j")) == "!ERR_INVALID_JSON j");
  EXPECT(FirstOf(local, json("SELECT '' AS j", "j")) == "!ERR_INVALID_JSON j");
  EXPECT(FirstOf(local, json("SELECT 1 AS a", "missing")) == "!ERR_INVALID_JSON missing");
  EXPECT(FirstOf(local, json("SELECT 1 AS a WHERE 0", "missing")) == "!ERR_INVALID_JSON missing");
  EXPECT(FirstOf(local, json("SELECT '1' AS J", "j")) == "!ERR_INVALID_JSON j");
  Outcome outcome;
  const auto failure = local.Run(json("SELECT 'secret' AS j", "j"), outcome);
  EXPECT(failure && failure->message.find("secret") == std::string::npos);
}

TEST(
    "a write whose RETURNING holds no JSON where it should is undone; one that returns nothing is not "
    "asked") {
  Local local;
  local.Rows({"CREATE TABLE t (n INTEGER PRIMARY KEY, j)"});
  const auto insert = [](const std::string& value, const std::string& column, RowMode mode) {
    return Query{
        "INSERT INTO t (j) VALUES (?), ('1') RETURNING j", {value}, mode, IfNone::kContinue, {column}};
  };
  EXPECT(FirstOf(local, insert("{bad", "j", RowMode::kObject)) == "!ERR_INVALID_JSON j");
  EXPECT(FirstOf(local, insert("1", "other", RowMode::kArray)) == "!ERR_INVALID_JSON other");
  EXPECT(local.Rows(Arrays("SELECT count(*) FROM t")) == "[[0]]");
  EXPECT(FirstOf(local, insert("{bad", "other", RowMode::kNone)).empty());
  EXPECT(local.Rows(Arrays("SELECT count(*) FROM t")) == "[[2]]");
}

TEST("beyond 2 KB rows are packed in chunks of some 32 KB, none lost and none cut") {
  Local local;
  Outcome outcome;
  EXPECT(!local.Run(Arrays("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) "
                           "SELECT i, 'text ' || i, NULL FROM n"),
                    outcome));
  const Result& result = outcome.results[0];
  EXPECT(result.first.text.size() >= 2048 && result.first.text.size() < 2200);
  EXPECT(result.rest.size() > 5);
  for (const PackedRows& chunk : result.rest) {
    EXPECT(chunk.texts.empty() && chunk.wides.empty());
    EXPECT(chunk.shorts.size() + chunk.tags.size() * 8 < (33 << 10));
    EXPECT(chunk.tags.size() == chunk.rows * 3);
  }
  std::string expected = "[";
  for (int i = 1; i <= 20000; ++i)
    expected += (i > 1 ? ",[" : "[") + std::to_string(i) + ",\"text " + std::to_string(i) + "\",null]";
  EXPECT(RowsOf(outcome) == expected + "]");
}

TEST("packed rows keep big integers, blobs, texts and JSON apart and in order") {
  Local local;
  Outcome outcome;
  const std::string wide(3000, 'w');
  Query query = Arrays(
      "SELECT ?1 AS a, NULL AS b, NULL AS c, NULL AS j UNION ALL SELECT 'é', x'0102', 9007199254740993, "
      "'[1]' "
      "UNION ALL SELECT 2.5, x'', -7, NULL UNION ALL SELECT x'03', 'z', NULL, '{\"k\":\"ü\"}'",
      {wide});
  query.json_columns = {"j"};
  EXPECT(!local.Run(query, outcome));
  EXPECT(outcome.results[0].rest.size() == 1);
  const PackedRows& packed = outcome.results[0].rest[0];
  EXPECT(packed.rows == 3);
  const auto tag = [](Tag value) { return static_cast<uint8_t>(value); };
  EXPECT(packed.tags ==
         (std::vector<uint8_t>{tag(Tag::kWide), tag(Tag::kBlob), tag(Tag::kInt64), tag(Tag::kText),
                               tag(Tag::kReal), tag(Tag::kBlob), tag(Tag::kReal), tag(Tag::kNull),
                               tag(Tag::kBlob), static_cast<uint8_t>(tag(Tag::kShort) + 1), tag(Tag::kNull),
                               tag(Tag::kWide)}));
  EXPECT(packed.numbers == (std::vector<uint64_t>{BitsOf(2), 9007199254740993U, BitsOf(2.5), BitsOf(0),
                                                  BitsOf(-7), BitsOf(1)}));
  EXPECT(packed.texts == "[[1]]");
  EXPECT(packed.wides == uR"(["é",{"k":"ü"}])");
  EXPECT(packed.shorts == "z");
  EXPECT(packed.bytes == std::string("\1\2\3", 3));
  EXPECT(outcome.results[0].columns == R"(["a","b","c","j"])");
}

TEST("an error in a row far behind is an error, whatever came before") {
  Local local = With(IntegerMode::kNumber);
  const std::string rows =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT ";
  EXPECT(FirstOf(local, Arrays(rows + "CASE i WHEN 4999 THEN 9007199254740993 ELSE i END AS v FROM n")) ==
         "!ERR_OUT_OF_RANGE v");
  EXPECT(FirstOf(local, {rows + "CASE i WHEN 4999 THEN '{' ELSE '1' END AS v FROM n",
                         {},
                         RowMode::kArray,
                         IfNone::kContinue,
                         {"v"}}) == "!ERR_INVALID_JSON v");
}

TEST("a schema that changes under a prepared statement changes its columns") {
  TempFile file;
  Local local(file.path());
  Client other(file.path());
  local.Rows({"CREATE TABLE t (a)"});
  local.Rows({"INSERT INTO t VALUES (1)"});
  const Query all{"SELECT * FROM t", {}, RowMode::kObject, IfNone::kContinue, {}, true};
  EXPECT(FirstOf(local, all) == R"([[{"a":1}],[]])");
  local.Rows({"ALTER TABLE t ADD COLUMN b DEFAULT 2"});
  EXPECT(FirstOf(local, all) == R"([[{"a":1,"b":2}],[]])");
  other.Exec("ALTER TABLE t RENAME COLUMN a TO c; ALTER TABLE t ADD COLUMN d DEFAULT 3");
  Outcome outcome;
  EXPECT(!local.Run(all, outcome));
  EXPECT(outcome.results[0].first.text == R"([[{"c":1,"b":2,"d":3}],[]])");
  EXPECT(outcome.results[0].columns == R"(["c","b","d"])");
  other.Exec("DROP TABLE t; CREATE TABLE t (z); INSERT INTO t VALUES (9)");
  EXPECT(FirstOf(local, all) == R"([[{"z":9}],[]])");
}

// It has its bytes only when they are asked for, and then there may be no memory.
TEST("a zeroblob that there is no memory for is an error") {
  Local local;
  local.Rows({"CREATE TABLE t (size)"});
  local.Rows({"INSERT INTO t VALUES (100000)"});
  int refused = 0;
  for (int64_t nth = 1;; ++nth) {
    const AllocationFault fault(nth);
    Outcome outcome;
    const auto failure = local.Run({"SELECT zeroblob(size) AS x FROM t", {}, RowMode::kFirstObject}, outcome);
    if (failure) {
      EXPECT(failure->code == "SQLITE_NOMEM");
      ++refused;
    } else {
      EXPECT(outcome.results[0].first.bytes == std::string(100000, '\0'));
    }
    if (fault.count() < nth) break;
  }
  EXPECT(refused > 0);
}

}  // namespace aiosqlite::test

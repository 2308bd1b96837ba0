// Preparing, binding and running: what each verb does with SQL and parameters.
#include "support.h"

namespace aiosqlite::test {
namespace {

std::string CodeFor(Local& local, const Query& query) {
  Outcome outcome;
  const auto failure = local.Run(query, outcome);
  return failure ? failure->code : "";
}

Query Named(const std::string& sql, const std::vector<std::pair<std::string, Param>>& named) {
  return {sql, {}, RowMode::kArray, IfNone::kContinue, {}, false, named};
}

}  // namespace

TEST("exactly one statement is expected, with blanks and semicolons around it") {
  Local local;
  for (const char* sql :
       {"SELECT 1", ";; /* a */ SELECT 1 ; -- b\n ;", "SELECT 1 /* never closed", "\f\nSELECT 1"})
    EXPECT(CodeFor(local, {sql}).empty());
  for (const char* sql : {"", " ", ";", "-- only a comment", "/* a */", "SELECT 1; SELECT 2",
                          "SELECT 1; nonsense", "PRAGMA user_version; SELECT 1"})
    EXPECT(CodeFor(local, {sql}) == "ERR_STATEMENT_COUNT");
  EXPECT(CodeFor(local, {std::string("SELECT 1\0; DROP TABLE t", 23)}) == "ERR_INVALID_ARG_VALUE");
}

TEST("an error tells where in the caller's text it is, blanks before the statement included") {
  Local local;
  Outcome outcome;
  const auto failure = local.Run({"/* é */ ;\n SELECT nothing FROM t"}, outcome);
  EXPECT(failure && failure->code == "SQLITE_ERROR" && failure->errcode == 1);
  EXPECT(failure && failure->sql == "/* é */ ;\n SELECT nothing FROM t");
  const auto column = local.Run({"  SELECT 1, nothing"}, outcome);
  EXPECT(column && column->offset == 12);
}

TEST("values in order: as many as there are parameters, or ERR_PARAMETERS") {
  Local local;
  EXPECT(local.Rows({"SELECT ?, ?2, ?1, ?", {1, "b", 3}, RowMode::kArray}) == R"([[1,"b",1,3]])");
  EXPECT(CodeFor(local, {"SELECT ?, ?", {1}}) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, {"SELECT ?", {1, 2}}) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, {"SELECT 1", {1}}) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, {"SELECT ?"}) == "ERR_PARAMETERS");
}

TEST("values by name: bare or with their prefix, each exactly once, or ERR_PARAMETERS") {
  Local local;
  EXPECT(local.Rows(Named("SELECT :a, @b, $c, :a", {{"a", 1}, {"b", 2}, {"c", 3}})) == "[[1,2,3,1]]");
  EXPECT(local.Rows(Named("SELECT :a, @b, $c", {{":a", 1}, {"@b", 2}, {"$c", 3}})) == "[[1,2,3]]");
  EXPECT(local.Rows(Named("SELECT ?2, ?1", {{"?1", 1}, {"?2", 2}})) == "[[2,1]]");
  EXPECT(CodeFor(local, Named("SELECT :a, :b", {{"a", 1}})) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, Named("SELECT :a", {{"a", 1}, {"b", 2}})) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, Named("SELECT :a", {{"a", 1}, {":a", 2}})) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, Named("SELECT ?", {{"a", 1}})) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, Named("SELECT :a", {{"", 1}})) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, Named("SELECT :a", {{std::string("a\0b", 3), 1}})) == "ERR_PARAMETERS");
}

TEST("a statement that failed to bind keeps no values for the next call") {
  Local local;
  local.Rows({"CREATE TABLE t (a, b)"});
  EXPECT(CodeFor(local, Named("INSERT INTO t VALUES (:a, :b)", {{"a", "kept?"}})) == "ERR_PARAMETERS");
  EXPECT(CodeFor(local, Named("INSERT INTO t VALUES (:a, :b)", {{"b", 1}})) == "ERR_PARAMETERS");
  EXPECT(local.Rows({"SELECT count(*) FROM t", {}, RowMode::kArray}) == "[[0]]");
}

TEST("values keep their types, empty ones too") {
  Local local;
  EXPECT(local.Rows(
             {"SELECT typeof(?), typeof(?), typeof(?), typeof(?), typeof(?), typeof(?), length(?), hex(?)",
              {nullptr, 1, 1.0, "", Blob{""}, int64_t{1} << 60, std::string("a\0b", 3),
               Blob{std::string("\0\1", 2)}},
              RowMode::kArray}) == R"([["null","integer","real","text","blob","integer",1,"0001"]])");
}

TEST("changes and last_insert_rowid are the statement's own") {
  Local local;
  local.Rows({"CREATE TABLE t (n INTEGER PRIMARY KEY, x UNIQUE)"});
  const auto run = [&](const Query& query) {
    Outcome outcome;
    EXPECT(!local.Run(query, outcome));
    return std::pair(outcome.results[0].changes, outcome.results[0].last_insert_rowid);
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT(run({"INSERT INTO t VALUES (7, 'a'), (8, 'b')"}) == Pair(2, 8));
  EXPECT(run({"SELECT * FROM t"}) == Pair(0, 0));
  EXPECT(run({"UPDATE t SET x = x || '!'"}) == Pair(2, 0));
  EXPECT(run({"INSERT OR IGNORE INTO t VALUES (7, 'c')"}) == Pair(0, 0));
  EXPECT(run({"INSERT INTO t VALUES (-5, 'd') RETURNING n"}) == Pair(1, -5));
  EXPECT(run({"CREATE TABLE u (n)"}) == Pair(0, 0));
  EXPECT(run({"INSERT INTO u SELECT n FROM t"}) == Pair(3, 3));
  EXPECT(run({"DELETE FROM t"}) == Pair(3, 0));
  EXPECT(run({"PRAGMA user_version"}) == Pair(0, 0));
}

TEST("an INSERT may use the last_insert_rowid() of the one before, and its own comes after") {
  Local local;
  local.Rows({"CREATE TABLE p (n INTEGER PRIMARY KEY)"});
  local.Rows({"CREATE TABLE c (n INTEGER PRIMARY KEY, p)"});
  local.Rows({"INSERT INTO p VALUES (41)"});
  Outcome outcome;
  EXPECT(!local.Run({"INSERT INTO c VALUES (5, last_insert_rowid())"}, outcome));
  EXPECT(outcome.results[0].last_insert_rowid == 5);
  EXPECT(local.Rows({"SELECT p FROM c", {}, RowMode::kArray}) == "[[41]]");
  local.Rows({"INSERT OR IGNORE INTO p VALUES (41)"});
  EXPECT(local.Rows({"SELECT last_insert_rowid()", {}, RowMode::kArray}) == "[[5]]");
}

TEST(
    "what triggers insert does not count as the statement's own rowid, nor does a full-text table's inside") {
  Local local;
  EXPECT(!local.runner().RunScript(
      *Script("CREATE TABLE t (n INTEGER PRIMARY KEY); CREATE TABLE log (n);"
              "CREATE TRIGGER i AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1), (2), (3); END;"
              "CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO log VALUES (4); END;"
              "CREATE VIRTUAL TABLE f USING fts5 (body)")));
  Outcome outcome;
  EXPECT(!local.Run({"INSERT INTO t VALUES (77)"}, outcome));
  EXPECT(outcome.results[0].last_insert_rowid == 77 && outcome.results[0].changes == 1);
  EXPECT(!local.Run({"DELETE FROM t"}, outcome));
  EXPECT(outcome.results[1].last_insert_rowid == 0);
  EXPECT(!local.Run({"INSERT INTO f (rowid, body) VALUES (9, 'some text')"}, outcome));
  EXPECT(outcome.results[2].last_insert_rowid == 9 && outcome.results[2].changes == 1);
}

TEST("a PRAGMA takes effect each time it runs, and each answer is fresh") {
  Local local;
  const auto ask = [&](const std::string& sql) { return local.Rows({sql, {}, RowMode::kArray}); };
  for (int round = 0; round < 3; ++round) {
    local.Rows({"PRAGMA foreign_keys = 0"});
    EXPECT(ask("PRAGMA foreign_keys") == "[[0]]");
    local.Rows({"PRAGMA foreign_keys = 1"});
    EXPECT(ask("PRAGMA foreign_keys") == "[[1]]");
    local.Rows({"PRAGMA synchronous = 0"});
    EXPECT(ask("PRAGMA synchronous") == "[[0]]");
    local.Rows({"PRAGMA synchronous = 2"});
    EXPECT(ask("PRAGMA synchronous") == "[[2]]");
    local.Rows({"PRAGMA cache_size = 50"});
    EXPECT(ask("PRAGMA cache_size") == "[[50]]");
    local.Rows({"PRAGMA cache_size = 60"});
    EXPECT(ask("PRAGMA cache_size") == "[[60]]");
  }
}

TEST("a script runs statement by statement, and an error tells where it is") {
  Local local;
  EXPECT(!local.runner().RunScript(
      *Script("; CREATE TABLE t (n); -- a\n INSERT INTO t VALUES (1);; INSERT INTO t VALUES (2) /* z")));
  EXPECT(local.Rows({"SELECT count(*) FROM t", {}, RowMode::kArray}) == "[[2]]");
  EXPECT(!local.runner().RunScript(*Script("")));
  EXPECT(!local.runner().RunScript(*Script(" -- nothing\n;")));
  const std::string script = "INSERT INTO t VALUES (3); SELECT broken; INSERT INTO t VALUES (4)";
  const auto failure = local.runner().RunScript(*Script(script));
  EXPECT(failure && failure->code == "SQLITE_ERROR" && failure->offset == 33 && failure->sql == script);
  EXPECT(local.Rows({"SELECT max(n) FROM t", {}, RowMode::kArray}) == "[[3]]");
  EXPECT(local.runner().RunScript(*Script("SELECT ?"))->code == "ERR_PARAMETERS");
  EXPECT(local.runner().RunScript(*Script(std::string("SELECT 1;\0SELECT 2", 18)))->code ==
         "ERR_INVALID_ARG_VALUE");
  EXPECT(local.runner()
             .RunScript(*Under(policy::kNoSettings, Script("SELECT 1; PRAGMA foreign_keys = 0")))
             ->code == "ERR_CONTROL_STATEMENT");
  EXPECT(local.Rows({"PRAGMA foreign_keys", {}, RowMode::kArray}) == "[[1]]");
}

TEST("a batch outside a group is all or nothing, and sees one snapshot") {
  TempFile file;
  Client client(file.path());
  client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
  const Outcome failed =
      client.Do(Batch({{"INSERT INTO t VALUES (1)"}, {"SELECT 1"}, {"INSERT INTO t VALUES (1)"}}));
  EXPECT(CodeOf(failed) == "SQLITE_CONSTRAINT_PRIMARYKEY" && FailureOf(failed).index == 2);
  EXPECT(failed.results.empty());
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[0]]");
  const Outcome done =
      client.Must(Batch({{"CREATE TABLE u (n)"}, {"INSERT INTO u VALUES (1)"}, {"DROP TABLE u"}}));
  EXPECT(done.results.size() == 3 && done.counts_commit);
  EXPECT(!client.Must(Batch({{"SELECT 1"}, {"SELECT 2"}})).counts_commit);
  EXPECT(client.Must(Batch({})).results.empty());
  const Outcome none = client.Do(Batch(
      {{"INSERT INTO t VALUES (5)"}, {"DELETE FROM t WHERE n = 9", {}, RowMode::kNone, IfNone::kRollback}}));
  EXPECT(CodeOf(none) == "ERR_NO_MATCH" && FailureOf(none).index == 1);
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("ifNone counts a row that was returned as well as one that was changed") {
  Client client(":memory:");
  client.Exec("CREATE TABLE t (n); INSERT INTO t VALUES (1)");
  const auto results = [&](const std::string& sql, RowMode mode) {
    return client.Must(Batch({{sql, {}, mode, IfNone::kStop}, {"SELECT 2"}})).results.size();
  };
  EXPECT(results("SELECT n FROM t", RowMode::kArray) == 2);
  EXPECT(results("SELECT n FROM t", RowMode::kNone) == 2);
  EXPECT(results("SELECT n FROM t WHERE 0", RowMode::kArray) == 1);
  EXPECT(results("UPDATE t SET n = n", RowMode::kNone) == 2);
  EXPECT(results("UPDATE t SET n = n WHERE 0", RowMode::kNone) == 1);
  EXPECT(results("UPDATE t SET n = n RETURNING n", RowMode::kFirstArray) == 2);
}

TEST("executeMany outside a group is all or nothing, and counts all changes") {
  Client client(":memory:");
  client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
  const Outcome done = client.Must(Many("INSERT INTO t VALUES (?)", {Params{1}, Params{2}, Params{3}}));
  EXPECT(done.results[0].changes == 3 && done.results[0].last_insert_rowid == 3);
  EXPECT(CodeOf(client.Do(Many("INSERT INTO t VALUES (?)", {Params{4}, Params{1}}))) ==
         "SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT(client.Must(Many("INSERT INTO t VALUES (?)", {})).results[0].changes == 0);
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[3]]");
}

TEST("a reader refuses writes in every form, and its reads see what the writer has committed") {
  TempFile file;
  Client writer(file.path());
  writer.Exec("CREATE TABLE t (n)");
  Settings settings;
  settings.reader = true;
  Client reader(file.path(), settings);
  const uint8_t policy = policy::kReadOnly;
  EXPECT(CodeOf(reader.Do(Under(policy, Run("INSERT INTO t VALUES (1)")))) == "SQLITE_READONLY");
  EXPECT(CodeOf(reader.Do(Under(policy, Script("INSERT INTO t VALUES (1)")))) == "SQLITE_READONLY");
  EXPECT(CodeOf(reader.Do(Under(policy, Many("INSERT INTO t VALUES (?)", {Params{1}})))) ==
         "SQLITE_READONLY");
  EXPECT(CodeOf(reader.Do(Under(policy, Batch({{"SELECT 1"}, {"DELETE FROM t"}})))) == "SQLITE_READONLY");
  EXPECT(CodeOf(reader.Do(Run("INSERT INTO t VALUES (1)"))) == "SQLITE_READONLY");  // query_only
  writer.Exec("INSERT INTO t VALUES (5)");
  EXPECT(RowsOf(reader.Must(
             Under(policy, Batch({{"SELECT n FROM t", {}, RowMode::kArray}, {"SELECT 1"}})))) == "[[5]]");
}

TEST("failures name SQLite's extended code, its number and the statement") {
  Client client(":memory:");
  client.Exec(
      "CREATE TABLE t (a NOT NULL, b UNIQUE, c CHECK (c > 0)); CREATE TABLE p (n PRIMARY KEY); "
      "CREATE TABLE q (n REFERENCES p)");
  const auto code = [&](const std::string& sql) {
    const Outcome outcome = client.Do(Run(sql));
    EXPECT(FailureOf(outcome).sql == sql);
    return outcome.failure ? outcome.failure->code + " " + std::to_string(outcome.failure->errcode) : "";
  };
  EXPECT(code("INSERT INTO t VALUES (NULL, 1, 1)") == "SQLITE_CONSTRAINT_NOTNULL 1299");
  EXPECT(code("INSERT INTO t VALUES (1, 1, 0)") == "SQLITE_CONSTRAINT_CHECK 275");
  EXPECT(code("INSERT INTO q VALUES (1)") == "SQLITE_CONSTRAINT_FOREIGNKEY 787");
  EXPECT(code("SELECT abs(-9223372036854775808)") == "SQLITE_ERROR 1");
  EXPECT(code("SELECT zeroblob(2000000000)") == "SQLITE_TOOBIG 18");
}

}  // namespace aiosqlite::test

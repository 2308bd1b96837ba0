// Classification of statements while they are prepared, and the refusals that follow from it.
#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE t (n INTEGER PRIMARY KEY, x);"
    "CREATE TABLE log (n);"
    "CREATE VIEW v AS SELECT n FROM t;"
    "CREATE TRIGGER tv INSTEAD OF INSERT ON v BEGIN INSERT INTO t (n) VALUES (new.n); END;"
    "CREATE TRIGGER tu AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.n); END;"
    "CREATE INDEX i ON t (x);"
    "CREATE VIRTUAL TABLE f USING fts5 (body);"
    "CREATE VIRTUAL TABLE r USING rtree (id, x0, x1)";

struct Fixture {
  Local local;
  explicit Fixture(const Settings& settings = {}, const std::string& file = ":memory:")
      : local(file, settings) {
    if (!settings.reader) EXPECT(!local.runner().RunScript(*Script(kSchema)));
  }
  StatementTraits Of(const std::string& sql, uint8_t policy = 0) {
    std::optional<Failure> failure;
    const Statement* statement = local->statements().Prepare(sql, policy, failure);
    if (statement == nullptr) {
      Fail(__FILE__, __LINE__, sql + ": " + failure->code + " " + failure->message);
      return {};
    }
    return statement->traits();
  }
  // "" if it may be prepared.
  std::string Refusal(const std::string& sql, uint8_t policy) {
    std::optional<Failure> failure;
    return local->statements().Prepare(sql, policy, failure) == nullptr ? failure->code : "";
  }
  std::string Ask(const std::string& sql) { return local.Rows({sql, {}, RowMode::kArray}); }
};

void ExpectKind(StatementKind kind, const std::vector<std::string>& statements) {
  Fixture f;
  for (const std::string& sql : statements) {
    if (f.Of(sql).kind != kind) Fail(__FILE__, __LINE__, "another kind: " + sql);
  }
}

const std::vector<std::string> kTransactionControl = {
    "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "END", "ROLLBACK", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s"};
// Which do nothing inside a transaction.
const std::vector<std::string> kForeignKeys = {"PRAGMA foreign_keys = 0", "PRAGMA foreign_keys(0)"};
const std::vector<std::string> kSettings = {"pragma main.cache_size = 77",
                                            "PRAGMA synchronous = OFF",
                                            "PRAGMA defer_foreign_keys = 1",
                                            "PRAGMA journal_mode = DELETE",
                                            "PRAGMA busy_timeout = 1",
                                            "ATTACH ':memory:' AS a",
                                            "ATTACH ? AS a",
                                            "DETACH a",
                                            "; /* first */ PRAGMA cache_size = 78"};
const std::vector<std::string> kTemp = {
    "CREATE TEMP TABLE z (n)", "CREATE TABLE temp.z (n)", "CREATE TEMP VIEW z AS SELECT 1",
    "CREATE TEMP TRIGGER z AFTER INSERT ON t BEGIN SELECT 1; END", "CREATE TEMP TABLE z AS SELECT * FROM t"};
const std::vector<std::string> kReads = {
    "SELECT * FROM t",
    "SELECT 1",
    "VALUES (1), (2)",
    "WITH c AS (SELECT 1) SELECT * FROM c",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n LIMIT 3) SELECT i FROM n",
    "SELECT * FROM v",
    "SELECT body FROM f WHERE f MATCH 'a'",
    "SELECT * FROM r",
    "SELECT * FROM pragma_table_info('t')",
    "SELECT * FROM json_each('[1]')",
    "EXPLAIN SELECT 1",
    "EXPLAIN QUERY PLAN DELETE FROM t",
    "EXPLAIN DELETE FROM t",
    "EXPLAIN CREATE TABLE z (n)",
    "PRAGMA foreign_keys",
    "PRAGMA user_version",
    "PRAGMA data_version",
    "PRAGMA table_info(t)",
    "PRAGMA main.table_xinfo(t)",
    "PRAGMA index_list('t')",
    "PRAGMA foreign_key_check(t)",
    "PRAGMA integrity_check(10)",
    "PRAGMA quick_check",
    "PRAGMA table_list",
    "PRAGMA compile_options",
    "PRAGMA journal_mode"};
const std::vector<std::string> kDml = {
    "INSERT INTO t VALUES (1, 2)",
    "INSERT INTO t SELECT n, n FROM log",
    "INSERT INTO t VALUES (1, 2) ON CONFLICT DO UPDATE SET x = 1",
    "INSERT OR REPLACE INTO t VALUES (1, 2)",
    "REPLACE INTO t VALUES (1, 2)",
    "INSERT INTO t VALUES (1, 2) RETURNING *",
    "WITH c AS (SELECT 7 AS n) INSERT INTO log SELECT n FROM c",
    "WITH c AS (SELECT 7 AS n) DELETE FROM log WHERE n IN (SELECT n FROM c)",
    "UPDATE t SET x = 1",
    "UPDATE t SET x = 1 RETURNING x",
    "UPDATE t SET x = log.n FROM log WHERE log.n = t.n",
    "DELETE FROM t",
    "DELETE FROM t WHERE n = 1",
    "INSERT INTO v VALUES (3)",
    "INSERT INTO f VALUES ('text')",
    "DELETE FROM f",
    "INSERT INTO f (f) VALUES ('optimize')",
    "INSERT INTO r VALUES (1, 2, 3)",
    "/* a comment */ -- and\n insert into t values (1, 2);"};
const std::vector<std::string> kOther = {"CREATE TABLE z (n)",
                                         "CREATE TABLE z AS SELECT * FROM t",
                                         "CREATE INDEX z ON t (n)",
                                         "CREATE VIEW z AS SELECT 1",
                                         "CREATE TRIGGER z AFTER INSERT ON t BEGIN SELECT 1; END",
                                         "CREATE VIRTUAL TABLE z USING fts5 (a)",
                                         "DROP TABLE log",
                                         "DROP INDEX i",
                                         "DROP VIEW v",
                                         "DROP TABLE f",
                                         "ALTER TABLE t ADD COLUMN y",
                                         "ALTER TABLE t RENAME TO u",
                                         "ANALYZE",
                                         "REINDEX",
                                         "VACUUM",
                                         "VACUUM INTO 'x'",
                                         "PRAGMA wal_checkpoint",
                                         "PRAGMA wal_checkpoint(TRUNCATE)",
                                         "PRAGMA optimize",
                                         "PRAGMA optimize(2)",
                                         "PRAGMA incremental_vacuum(5)",
                                         "PRAGMA user_version = 5",
                                         "PRAGMA main.application_id(5)"};

}  // namespace

TEST("SELECT, EXPLAIN and a PRAGMA that only asks are reads") { ExpectKind(StatementKind::kRead, kReads); }

TEST("INSERT, UPDATE, DELETE and REPLACE are DML, whatever stands around them") {
  ExpectKind(StatementKind::kDml, kDml);
}

TEST("DDL, ANALYZE, VACUUM and PRAGMAs that act on the file are neither") {
  ExpectKind(StatementKind::kOther, kOther);
}

TEST("transactions, savepoints, ATTACH and setting PRAGMAs are control") {
  for (const auto* statements : {&kTransactionControl, &kSettings})
    ExpectKind(StatementKind::kControl, *statements);
}

TEST("a statement tells which of the forbidden things it does") {
  Fixture f;
  for (const std::string& sql : kTransactionControl) EXPECT(f.Of(sql).transaction_control);
  for (const std::string& sql : kSettings) EXPECT(f.Of(sql).alters_connection);
  for (const std::string& sql : kTemp)
    EXPECT(f.Of(sql).creates_temp && f.Of(sql).kind == StatementKind::kOther);
  for (const auto* statements : {&kReads, &kDml, &kOther}) {
    for (const std::string& sql : *statements) {
      const StatementTraits traits = f.Of(sql);
      if (traits.transaction_control || traits.alters_connection || traits.creates_temp ||
          traits.reads_counter)
        Fail(__FILE__, __LINE__, sql);
    }
  }
}

TEST("functions that speak of the connection's last statement are found wherever they stand") {
  Fixture f;
  EXPECT(f.Of("SELECT last_insert_rowid()").reads_counter);
  EXPECT(f.Of("SELECT 1 + CHANGES()").reads_counter);
  EXPECT(f.Of("INSERT INTO log SELECT total_changes() WHERE 1").reads_counter);
  EXPECT(f.Of("SELECT * FROM t WHERE n IN (SELECT Last_Insert_Rowid())").reads_counter);
  EXPECT(!f.Of("SELECT 'changes()', max(n) FROM t").reads_counter);
}

TEST("triggers may call them, views and the statement's own subqueries may not") {
  Fixture f;
  EXPECT(!f.local.runner().RunScript(
      *Script("CREATE VIEW asks AS SELECT changes() AS n; CREATE VIEW w AS SELECT n FROM t;"
              "CREATE TRIGGER tw INSTEAD OF INSERT ON w BEGIN INSERT INTO t (n) VALUES (new.n);"
              " INSERT INTO log SELECT n FROM (SELECT last_insert_rowid() AS n); END")));
  const StatementTraits fires = f.Of("INSERT INTO w VALUES (1)");
  EXPECT(fires.trigger_reads_counter && !fires.reads_counter);
  for (const char* sql : {"SELECT * FROM asks", "WITH c AS (SELECT Changes() AS n) SELECT * FROM c",
                          "INSERT INTO log WITH c AS (SELECT changes() AS n) SELECT n FROM c",
                          "INSERT INTO w SELECT last_insert_rowid()"})
    EXPECT(f.Of(sql).reads_counter);
}

TEST("only a statement that inserts counts as one: its rowid is its own") {
  Fixture f;
  EXPECT(f.Of("INSERT INTO t VALUES (1, 2)").inserts);
  EXPECT(f.Of("REPLACE INTO t VALUES (1, 2)").inserts);
  EXPECT(!f.Of("DELETE FROM t").inserts);
  EXPECT(!f.Of("SELECT 1").inserts);
}

TEST("without transaction control BEGIN, COMMIT, SAVEPOINT and the like are refused, and nothing else") {
  Fixture f;
  for (const auto* statements : {&kTransactionControl, &kForeignKeys}) {
    for (const std::string& sql : *statements)
      EXPECT(f.Refusal(sql, policy::kNoTransactionControl) == "ERR_CONTROL_STATEMENT");
  }
  for (const auto* statements : {&kReads, &kDml, &kOther, &kSettings, &kTemp}) {
    for (const std::string& sql : *statements) EXPECT(f.Refusal(sql, policy::kNoTransactionControl).empty());
  }
}

TEST("without settings PRAGMAs that set, ATTACH and TEMP objects are refused, and nothing else") {
  Fixture f;
  for (const auto* statements : {&kForeignKeys, &kSettings, &kTemp}) {
    for (const std::string& sql : *statements)
      EXPECT(f.Refusal(sql, policy::kNoSettings) == "ERR_CONTROL_STATEMENT");
  }
  for (const auto* statements : {&kReads, &kDml, &kOther, &kTransactionControl}) {
    for (const std::string& sql : *statements) EXPECT(f.Refusal(sql, policy::kNoSettings).empty());
  }
}

TEST("a refused PRAGMA has not been executed by being prepared") {
  Fixture f;
  EXPECT(f.Ask("PRAGMA foreign_keys") == "[[1]]");
  for (const char* sql : {"PRAGMA foreign_keys = 0", "PRAGMA foreign_keys(0)",
                          "EXPLAIN PRAGMA foreign_keys = 0", "PRAGMA foreign_keys = 0; SELECT 1"}) {
    EXPECT(!f.Refusal(sql, policy::kNoSettings).empty());
    EXPECT(f.Ask("PRAGMA foreign_keys") == "[[1]]");
  }
  EXPECT(f.Refusal("PRAGMA foreign_keys = 0; SELECT 1", 0) == "ERR_STATEMENT_COUNT");
  EXPECT(f.Ask("PRAGMA foreign_keys") == "[[1]]");
}

TEST("a refusal does not depend on whether the statement is prepared already") {
  Fixture f;
  EXPECT(f.Refusal("SELECT changes()", 0).empty());
  EXPECT(f.Refusal("SELECT changes()", policy::kNoConnectionCounters) == "ERR_CONTROL_STATEMENT");
  EXPECT(f.Refusal("BEGIN", 0).empty());
  EXPECT(f.Refusal("BEGIN", policy::kNoTransactionControl) == "ERR_CONTROL_STATEMENT");
  EXPECT(f.Refusal("DELETE FROM t", 0).empty());
  EXPECT(f.Refusal("DELETE FROM t", policy::kReadOnly) == "SQLITE_READONLY");
  EXPECT(f.Refusal("DELETE FROM t", 0).empty());
}

TEST("without counters of the connection last_insert_rowid(), changes() and total_changes() are refused") {
  Fixture f;
  for (const char* sql :
       {"SELECT last_insert_rowid()", "INSERT INTO log VALUES (changes())", "SELECT total_changes()"})
    EXPECT(f.Refusal(sql, policy::kNoConnectionCounters) == "ERR_CONTROL_STATEMENT");
  for (const auto* statements : {&kReads, &kDml, &kOther}) {
    for (const std::string& sql : *statements) EXPECT(f.Refusal(sql, policy::kNoConnectionCounters).empty());
  }
}

TEST("a reader refuses what writes, and lets its own settings be changed, but for query_only") {
  Fixture f;
  for (const auto* statements : {&kDml, &kOther}) {
    for (const std::string& sql : *statements) EXPECT(f.Refusal(sql, policy::kReadOnly) == "SQLITE_READONLY");
  }
  for (const std::string& sql : kReads) EXPECT(f.Refusal(sql, policy::kReadOnly).empty());
  EXPECT(f.Refusal("PRAGMA cache_size = 10", policy::kReadOnly).empty());
  EXPECT(f.Refusal("BEGIN", policy::kReadOnly).empty());
  for (const char* sql : {"PRAGMA query_only = 0", "PRAGMA QUERY_ONLY(0)", "PRAGMA main.query_only = OFF"})
    EXPECT(f.Refusal(sql, policy::kReadOnly) == "ERR_CONTROL_STATEMENT");
  EXPECT(f.Refusal("PRAGMA query_only", policy::kReadOnly).empty());
}

TEST("a reader refuses every statement that writes, and no other") {
  Fixture f;
  for (const auto* statements : {&kDml, &kOther}) {
    for (const std::string& sql : *statements) EXPECT(f.Refusal(sql, policy::kReadOnly) == "SQLITE_READONLY");
  }
  for (const std::string& sql : kReads) EXPECT(f.Refusal(sql, policy::kReadOnly).empty());
}

TEST("a virtual table that is used for the first time on a connection is still read by a SELECT") {
  TempFile file;
  {
    Fixture f({}, file.path());
  }
  for (const char* sql : {"SELECT * FROM r", "SELECT * FROM f", "SELECT * FROM r JOIN f"}) {
    Settings settings;
    settings.reader = true;
    Fixture reader(settings, file.path());
    EXPECT(reader.Refusal(sql, policy::kReadOnly).empty());
    EXPECT(reader.Of(sql).kind == StatementKind::kRead);
    EXPECT(!reader.Of(sql).inserts);
  }
}

TEST("a job is known by its statements: reads, writes that may share a commit, anything else alone") {
  Fixture f;
  const auto kind = [&](const JobPtr& job) { return f.local->statements().KindOf(*job, true); };
  EXPECT(kind(Run("SELECT 1")) == JobKind::kReads);
  EXPECT(kind(Run("DELETE FROM t")) == JobKind::kWrites);
  EXPECT(kind(Run("CREATE TABLE z (n)")) == JobKind::kAlone);
  EXPECT(kind(Run("BEGIN")) == JobKind::kAlone);
  EXPECT(kind(Run("nonsense")) == JobKind::kAlone);
  EXPECT(kind(Script("DELETE FROM t")) == JobKind::kAlone);
  EXPECT(kind(Many("INSERT INTO log VALUES (?)", {Params{1}})) == JobKind::kWrites);
  EXPECT(kind(Many("SELECT ?", {Params{1}})) == JobKind::kReads);
  EXPECT(kind(Batch({{"SELECT ?, ?", {1, "a"}}, {"SELECT 1"}})) == JobKind::kReads);
  EXPECT(kind(Batch({{"SELECT ?, ?", {1, "a"}, RowMode::kArray, IfNone::kStop, {"a", "b"}},
                     {"UPDATE t SET x = :x", {}, RowMode::kNone, IfNone::kContinue, {}, false, {{"x", 1}}},
                     {"SELECT 2"}})) == JobKind::kWrites);
  EXPECT(kind(Batch({{"DELETE FROM t"}, {"CREATE TABLE z (n)"}})) == JobKind::kAlone);
  EXPECT(kind(Batch({})) == JobKind::kReads);
}

TEST("looking at what a job is executes none of it") {
  Fixture f;
  EXPECT(f.local->statements().KindOf(*Run("PRAGMA foreign_keys = 0"), true) == JobKind::kAlone);
  EXPECT(f.local->statements().KindOf(*Batch({{"DELETE FROM t"}, {"PRAGMA foreign_keys = 0"}}), true) ==
         JobKind::kAlone);
  EXPECT(f.Ask("PRAGMA foreign_keys") == "[[1]]");
}

}  // namespace aiosqlite::test

// The same random jobs on two connections: on one they share commits, on the other each runs alone. Outcomes,
// reported changes and the database must be the same.
#include <array>
#include <random>

#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr char kSchema[] = R"(
CREATE TABLE t (n INTEGER PRIMARY KEY, x UNIQUE, y CHECK (y IS NULL OR y < 100), z AS (y * 2));
CREATE TABLE a (n INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE);
CREATE TABLE w (k PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE p (n PRIMARY KEY);
CREATE TABLE c (n REFERENCES p DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE d (n REFERENCES p ON DELETE CASCADE);
CREATE TABLE log (what);
CREATE VIEW v AS SELECT x FROM a;
CREATE VIRTUAL TABLE f USING fts5 (body);
CREATE VIRTUAL TABLE r USING rtree (id, low, high);
CREATE TRIGGER ignores BEFORE INSERT ON t WHEN new.y = 90 BEGIN
  INSERT INTO log VALUES ('ignored'); INSERT OR IGNORE INTO a (x) VALUES (1); SELECT raise(IGNORE); END;
CREATE TRIGGER aborts AFTER INSERT ON t WHEN new.y = 91 BEGIN
  INSERT INTO f VALUES ('aborted'); SELECT raise(ABORT, 'no'); END;
CREATE TRIGGER rolls_back BEFORE INSERT ON t WHEN new.y = 92 BEGIN SELECT raise(ROLLBACK, 'no'); END;
CREATE TRIGGER fails AFTER INSERT ON t WHEN new.y = 93 BEGIN
  INSERT INTO log VALUES ('failed'); SELECT raise(FAIL, 'no'); END;
CREATE TRIGGER writes INSTEAD OF INSERT ON v BEGIN
  INSERT OR IGNORE INTO a (x) VALUES (new.x); INSERT INTO log SELECT 'even' WHERE new.x % 2 = 0; END;
INSERT INTO t (n, x) VALUES (1, 1), (2, 2);
INSERT INTO a (x) VALUES (1), (2);
INSERT INTO p VALUES (1), (2);
INSERT INTO f VALUES ('one'), ('two');
INSERT INTO r VALUES (1, 0, 1), (2, 1, 2))";

// ?1: a number from 1 to 6; ?2: another; ?3: 0 to 105, often one that a trigger or the CHECK refuses.
constexpr std::array kStatements = {
    "INSERT INTO t (n, x, y) VALUES (?1, ?2, ?3)",
    "INSERT OR IGNORE INTO t (n, x, y) VALUES (?1, ?2, ?3)",
    "INSERT OR REPLACE INTO t (n, x, y) VALUES (?1, ?2, ?3)",
    "INSERT OR FAIL INTO t (n, x) VALUES (?1 + 10, ?2 + 10), (?2, ?1), (?3 + 20, ?3 + 20)",
    "INSERT OR ROLLBACK INTO t (n, x) VALUES (?1, ?2 + ?3)",
    "INSERT INTO t (x, y) VALUES (?2 + 10, ?3) ON CONFLICT (x) DO UPDATE SET y = y + ?1",
    "INSERT INTO t (n, y) VALUES (NULL, ?3) RETURNING n + ?1 + ?2",
    "INSERT INTO t (n) VALUES (9007199254740992 + ?1 + ?2 + ?3) RETURNING n",
    "INSERT INTO t (n, x) SELECT n + 30, x + throws(?1 + n) FROM t WHERE n <> ?2 + ?3",
    "UPDATE t SET x = ?1, y = ?3 WHERE n > ?2",
    "UPDATE OR IGNORE t SET x = x + 1 WHERE n <> ?1 + ?2 + ?3",
    "UPDATE t SET y = throws(n + ?1) WHERE n > ?2 OR y = ?3",
    "DELETE FROM t WHERE n = ?1 OR x = ?2 OR y = ?3 RETURNING n",
    "INSERT INTO a (x) VALUES (?1 + ?2 * (?3 % 2))",
    "INSERT OR IGNORE INTO a (x) VALUES (?1 + ?2 * (?3 % 2))",
    "INSERT INTO a (x) VALUES (?1) ON CONFLICT DO NOTHING RETURNING ?2 + ?3",
    "INSERT INTO a (x) SELECT ?1 + ?2 WHERE ?3 < 0",
    "INSERT INTO v VALUES (?1 + ?2 * (?3 % 3))",
    "INSERT INTO w VALUES (?1, ?2 + ?3)",
    "UPDATE OR REPLACE w SET k = ?1 WHERE k = ?2 OR v = ?3",
    "INSERT INTO p VALUES (?1 + ?2 * (?3 % 2))",
    "INSERT INTO c VALUES (?1 + ?2 * (?3 % 2))",
    "INSERT INTO d VALUES (?1 + ?2 * (?3 % 2))",
    "DELETE FROM p WHERE n IN (?1, ?2, ?3)",
    "INSERT INTO f (rowid, body) VALUES (?1, 'text ' || ?2 || ' and ' || ?3)",
    "UPDATE f SET rowid = ?1, body = body || ?3 WHERE rowid >= ?2",
    "DELETE FROM f WHERE rowid IN (?1, ?2, ?3)",
    "INSERT INTO r VALUES (?1, ?2, ?3)",
    "INSERT OR REPLACE INTO r VALUES (?1, 0, ?2 + ?3)",
    "UPDATE r SET id = ?1, high = high + ?3 WHERE id >= ?2",
    "SELECT n, x, y, z FROM t WHERE n > ?1 OR x = ?2 OR y = ?3 ORDER BY n",
    "SELECT throws(?1) + ?2 + ?3",
};
constexpr std::array kTables = {
    "SELECT CAST(n AS TEXT), x, y, z FROM t ORDER BY n",
    "SELECT * FROM a ORDER BY n",
    "SELECT * FROM w ORDER BY k",
    "SELECT * FROM p ORDER BY n",
    "SELECT * FROM c ORDER BY rowid",
    "SELECT * FROM d ORDER BY rowid",
    "SELECT * FROM log ORDER BY rowid",
    "SELECT rowid, * FROM f ORDER BY rowid",
    "SELECT rowid FROM f WHERE f MATCH 'text OR one OR two OR aborted' ORDER BY rowid",
    "SELECT * FROM r ORDER BY id",
    "SELECT * FROM sqlite_sequence ORDER BY name",
};

// One job, which can be made twice.
struct Plan {
  bool many = false;
  bool batch = false;
  std::vector<Query> queries;
  std::vector<Params> sets;

  JobPtr Make() const {
    if (many) return Many(queries[0].sql, sets);
    return batch ? Batch(queries) : Run(queries[0]);
  }
};

Params RandomParams(std::mt19937& random) {
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  return {1 + below(6), 1 + below(6), below(2) == 0 ? below(20) : 88 + below(18)};
}

Query RandomQuery(std::mt19937& random) {
  Query query{kStatements[random() % kStatements.size()], RandomParams(random), RowMode::kArray};
  const unsigned choice = random() % 6;
  query.if_none = choice == 0 ? IfNone::kRollback : choice == 1 ? IfNone::kStop : IfNone::kContinue;
  return query;
}

Plan RandomPlan(std::mt19937& random) {
  Plan plan;
  const unsigned choice = random() % 8;
  plan.many = choice == 0;
  plan.batch = choice > 3;
  plan.queries.push_back(RandomQuery(random));
  if (plan.batch) {
    for (unsigned more = random() % 4; more > 0; --more) plan.queries.push_back(RandomQuery(random));
  }
  for (unsigned sets = 1 + random() % 3; plan.many && sets > 0; --sets)
    plan.sets.push_back(RandomParams(random));
  return plan;
}

// The changes of a file's own tables: those of an index, such as `f_data`, depend on when it is written.
std::string OwnChanges(const std::vector<std::string>& arrays) {
  std::string own;
  for (const std::string& array : arrays) {
    for (size_t at = array.find("[\""); at != std::string::npos; at = array.find("[\"", at + 1)) {
      const std::string change = array.substr(at, array.find(']', at) - at + 1);
      if (change.compare(0, 4, "[\"f_") != 0 && change.compare(0, 4, "[\"r_") != 0) own += change;
    }
  }
  return own;
}

std::string Described(const Outcome& outcome, const Plan& plan) {
  std::string text = CodeOf(outcome);
  if (outcome.failure) return text + " at " + std::to_string(outcome.failure->index);
  for (size_t i = 0; i < outcome.results.size(); ++i) {
    const Result& result = outcome.results[i];
    text += std::to_string(result.changes) + "/" + std::to_string(result.last_insert_rowid);
    if (!plan.many) text += RowsOf(outcome, i);
    text += ";";
  }
  return text;
}

// A connection with the tables, and a function that throws if it is called with 4.
class Twin {
 public:
  explicit Twin(IntegerMode integers)
      : functions_({{1,
                     [](HostCall& call) {
                       if (call.arguments[0].integer == 4) {
                         call.exception = 77;
                       } else {
                         call.result.AddNumber(1);
                       }
                       return true;
                     }}}),
        client_(":memory:", SettingsFor(integers), &functions_) {
    client_.Must(Define(0, "throws", 1, 1));
    client_.Exec(kSchema);
    client_.Must(Ask(Request::kReportCommits, {1}));
  }

  void Together(const std::vector<Plan>& plans) {
    std::vector<JobPtr> jobs;
    for (const Plan& plan : plans) jobs.push_back(plan.Make());
    const std::vector<Outcome> outcomes = client_.AwaitAll(client_.SendAll(std::move(jobs)));
    for (size_t i = 0; i < plans.size(); ++i) Note(plans[i], outcomes[i]);
  }
  void Alone(const std::vector<Plan>& plans) {
    for (const Plan& plan : plans) Note(plan, client_.Do(plan.Make()));
  }

  std::string Rows() {
    client_.Must(Run("INSERT INTO f (f) VALUES ('integrity-check')"));
    std::string rows;
    for (const char* const sql : kTables) rows += client_.Rows(sql) + "\n";
    return rows;
  }
  const std::vector<std::string>& outcomes() const { return outcomes_; }
  const std::string& changes() const { return changes_; }
  int grouped() const { return grouped_; }

 private:
  static Settings SettingsFor(IntegerMode integers) {
    Settings settings;
    settings.integer_mode = integers;
    settings.pragmas.emplace_back("PRAGMA foreign_keys = 1");
    return settings;
  }
  void Note(const Plan& plan, const Outcome& outcome) {
    outcomes_.push_back(Described(outcome, plan));
    changes_ += OwnChanges(outcome.changes);
    if (outcome.group_size > 1) ++grouped_;
  }

  Functions functions_;
  Client client_;
  std::vector<std::string> outcomes_;
  std::string changes_;
  int grouped_ = 0;
};

void Show(const std::vector<Plan>& plans, const Twin& together, const Twin& alone) {
  for (size_t i = 0; i < plans.size(); ++i) {
    std::string text = plans[i].many ? "many" : plans[i].batch ? "batch" : "run";
    for (const Query& query : plans[i].queries) text += " | " + query.sql;
    Fail(__FILE__, __LINE__, text + " -> " + together.outcomes()[i] + " alone " + alone.outcomes()[i]);
  }
}

}  // namespace

TEST("group commit: random jobs end in a group as they end alone") {
  std::mt19937 random(20'261'130);
  const int rounds = IsSoak() ? 20'000 : IsSlow() ? 40 : 400;
  int grouped = 0;
  for (int round = 0; round < rounds && !Failed(); ++round) {
    const IntegerMode integers = round % 3 == 0 ? IntegerMode::kNumber : IntegerMode::kMixed;
    Twin together(integers);
    Twin alone(integers);
    std::vector<Plan> plans;
    for (unsigned jobs = 2 + random() % 8; jobs > 0; --jobs) plans.push_back(RandomPlan(random));
    together.Together(plans);
    alone.Alone(plans);
    grouped += together.grouped();
    EXPECT(together.outcomes() == alone.outcomes());
    EXPECT(together.changes() == alone.changes());
    EXPECT(together.Rows() == alone.Rows());
    if (Failed()) Show(plans, together, alone);
  }
  EXPECT(grouped > rounds || IsSlow());
}

TEST("a job that fails in a group leaves no trace in sqlite_sequence") {
  EXPECT(OnOneOfManyTries([] {
    Client client(":memory:");
    client.Exec(
        "CREATE TABLE a (n INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE); CREATE TABLE b (n INTEGER PRIMARY "
        "KEY AUTOINCREMENT); INSERT INTO a (x) VALUES ('taken')");
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("DELETE FROM b"));
    jobs.push_back(Batch({{"INSERT OR IGNORE INTO a (x) VALUES ('taken')"},
                          {"INSERT INTO b SELECT 1 WHERE 0"},
                          {"INSERT INTO a (x) VALUES ('taken')"}}));
    jobs.push_back(Batch({{"INSERT INTO a (x) VALUES ('taken') ON CONFLICT DO NOTHING",
                           {},
                           RowMode::kNone,
                           IfNone::kRollback}}));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(CodeOf(outcomes[2]) == "ERR_NO_MATCH");
    EXPECT(client.Rows("SELECT name, seq FROM sqlite_sequence") == R"([["a",1]])");
    return outcomes[0].group_size == 3;
  }));
}

TEST("a job that asks for the rowid or the changes of the job before gets them, also if a group runs again") {
  EXPECT(OnOneOfManyTries([] {
    Client client(":memory:");
    client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY, x UNIQUE); CREATE TABLE log (n)");
    client.Must(Run("INSERT INTO t VALUES (7, 'taken'), (8, 'too')"));
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO log VALUES (last_insert_rowid())"));
    jobs.push_back(Batch({{"SELECT 1"}, {"INSERT INTO log SELECT changes() + 10"}}));
    jobs.push_back(Batch({{"INSERT INTO t VALUES (50, 'b'), (51, 'c'), (52, 'd')"},
                          {"INSERT INTO log SELECT last_insert_rowid()"}}));
    jobs.push_back(
        Batch({{"INSERT INTO t VALUES (60, 'e'), (61, 'f')"}, {"INSERT INTO t VALUES (62, 'taken')"}}));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[3]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(client.Rows("SELECT n FROM log") == "[[8],[11],[52]]");
    return outcomes[2].group_size == 2;
  }));
}

}  // namespace aiosqlite::test

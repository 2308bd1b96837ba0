// Many writes, one COMMIT: who shares it, and what each of them gets.
#include <algorithm>

#include "support.h"

namespace aiosqlite::test {
namespace {

// Whether all of them were settled by one commit, told by the first.
bool ShareOneCommit(const std::vector<Outcome>& outcomes) {
  int commits = 0;
  for (const Outcome& outcome : outcomes) {
    if (outcome.group_size != outcomes.size()) return false;
    commits += outcome.counts_commit ? 1 : 0;
  }
  return commits == 1 && outcomes.front().counts_commit;
}

constexpr char kTable[] = "CREATE TABLE t (n INTEGER PRIMARY KEY, x UNIQUE)";

// On a fresh file with the table `t`; `attempt` tells whether its jobs have met in one group.
bool WithTable(const std::function<bool(Client&, const TempFile&)>& attempt) {
  return OnOneOfManyTries([&] {
    TempFile file;
    Client client(file.path());
    client.Exec(kTable);
    return attempt(client, file);
  });
}

}  // namespace

TEST("writes that are queued together share one commit") {
  EXPECT(WithTable([](Client& client, const TempFile& file) {
    const int before = CommitsInWal(file.path());
    std::vector<JobPtr> jobs;
    for (int i = 0; i < 8; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?, ?)", {i, i}));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    for (const Outcome& outcome : outcomes) EXPECT(CodeOf(outcome).empty());
    EXPECT(client.Rows("SELECT count(*) FROM t") == "[[8]]");
    return ShareOneCommit(outcomes) && CommitsInWal(file.path()) == before + 1;
  }));
}

TEST("writes that come one after another have a commit each") {
  TempFile file;
  Client client(file.path());
  client.Exec(kTable);
  const int before = CommitsInWal(file.path());
  for (int i = 0; i < 5; ++i) {
    const Outcome outcome = client.Must(Run("INSERT INTO t VALUES (?, ?)", {i, i}));
    EXPECT(outcome.counts_commit);
    EXPECT(outcome.group_size <= 1);
  }
  EXPECT(CommitsInWal(file.path()) == before + 5);
}

TEST("run, executeMany and batch share a commit, and each gets its own result") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (10, 'a')"));
    jobs.push_back(Many("INSERT INTO t VALUES (?, ?)", {{20, "b"}, {21, "c"}, {22, "d"}}));
    jobs.push_back(Batch({{"UPDATE t SET x = x || '!' WHERE n > ?", {20}},
                          {"SELECT n, x FROM t ORDER BY n", {}, RowMode::kArray}}));
    jobs.push_back(Run("DELETE FROM t WHERE n = 10"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    for (const Outcome& outcome : outcomes) EXPECT(CodeOf(outcome).empty() && outcome.group_size == 4);
    EXPECT(outcomes[0].results[0].changes == 1 && outcomes[0].results[0].last_insert_rowid == 10);
    EXPECT(outcomes[1].results[0].changes == 3 && outcomes[1].results[0].last_insert_rowid == 22);
    EXPECT(outcomes[2].results[0].changes == 2);
    EXPECT(RowsOf(outcomes[2], 1) == R"([[10,"a"],[20,"b"],[21,"c!"],[22,"d!"]])");
    EXPECT(outcomes[3].results[0].changes == 1);
    return ShareOneCommit(outcomes);
  }));
}

TEST("a write that breaks a UNIQUE constraint fails alone, its neighbours keep theirs") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(Run("INSERT INTO t VALUES (2, 'a')"));
    jobs.push_back(Run("INSERT INTO t VALUES (3, 'c')"));
    jobs.push_back(Run("INSERT INTO t VALUES (4, ?)"));
    jobs.push_back(Run("INSERT INTO t VALUES (5, 'e')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(FailureOf(outcomes[1]).sql == "INSERT INTO t VALUES (2, 'a')");
    EXPECT(outcomes[1].results.empty());
    EXPECT(CodeOf(outcomes[2]).empty());
    EXPECT(CodeOf(outcomes[3]) == "ERR_PARAMETERS");
    EXPECT(CodeOf(outcomes[4]).empty());
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[3],[5]]");
    return ShareOneCommit(outcomes);
  }));
}

TEST("a batch in a group is all or nothing, and leaves nothing to its neighbours") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(Batch({{"INSERT INTO t VALUES (2, 'b')"},
                          {"UPDATE t SET x = 'z' WHERE n = 1"},
                          {"INSERT INTO t VALUES (3, 'z')"}}));
    jobs.push_back(Batch({{"INSERT INTO t SELECT count(*) + 10, 'n' FROM t"},
                          {"SELECT n, x FROM t ORDER BY n", {}, RowMode::kArray}}));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(FailureOf(outcomes[1]).index == 2);
    EXPECT(RowsOf(outcomes[2], 1) == R"([[1,"a"],[11,"n"]])");
    EXPECT(client.Rows("SELECT n, x FROM t ORDER BY n") == R"([[1,"a"],[11,"n"]])");
    return ShareOneCommit(outcomes);
  }));
}

TEST("executeMany in a group is all or nothing") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Many("INSERT INTO t VALUES (?, ?)", {{1, "a"}, {2, "b"}, {3, "a"}}));
    jobs.push_back(Many("INSERT INTO t VALUES (?, ?)", {{1, "a"}, {2, "b"}}));
    jobs.push_back(Many("INSERT INTO t VALUES (?, ?)", {{4, "d"}, {5}}));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(CodeOf(outcomes[1]).empty());
    EXPECT(outcomes[1].results[0].changes == 2);
    EXPECT(CodeOf(outcomes[2]) == "ERR_PARAMETERS");
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2]]");
    return ShareOneCommit(outcomes);
  }));
}

TEST("OR FAIL keeps in a group what it keeps alone, in a batch nothing") {
  const Query fails{"INSERT OR FAIL INTO t VALUES (1, 'a'), (2, 'b'), (3, 'a'), (4, 'd')"};
  EXPECT(WithTable([&](Client& client, const TempFile&) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (10, 'x')"));
    jobs.push_back(Run(fails));
    jobs.push_back(
        Batch({{"INSERT INTO t VALUES (20, 'y')"}, {"INSERT OR FAIL INTO t VALUES (21, 'z'), (22, 'y')"}}));
    jobs.push_back(Run("INSERT INTO t VALUES (30, 'w')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(CodeOf(outcomes[2]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2],[10],[30]]");
    return ShareOneCommit(outcomes);
  }));
  TempFile file;
  Client alone(file.path());
  alone.Exec(kTable);
  EXPECT(CodeOf(alone.Do(Run(fails))) == "SQLITE_CONSTRAINT_UNIQUE");
  EXPECT(alone.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2]]");
}

TEST("ifNone 'stop' ends a batch in a group and keeps it; 'rollback' undoes it") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    const Query insert{"INSERT INTO t VALUES (?, ?)", {1, "a"}};
    const Query stop{"UPDATE t SET x = 'q' WHERE n = 99", {}, RowMode::kNone, IfNone::kStop};
    const Query rollback{"SELECT 1 FROM t WHERE n = 99", {}, RowMode::kArray, IfNone::kRollback};
    std::vector<JobPtr> jobs;
    jobs.push_back(Batch({insert, stop, {"INSERT INTO t VALUES (2, 'never')"}}));
    jobs.push_back(
        Batch({{"INSERT INTO t VALUES (3, 'undone')"}, rollback, {"INSERT INTO t VALUES (4, 'never')"}}));
    jobs.push_back(Run("INSERT INTO t VALUES (5, 'e')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(outcomes[0].results.size() == 2);
    EXPECT(CodeOf(outcomes[1]) == "ERR_NO_MATCH");
    EXPECT(FailureOf(outcomes[1]).index == 1);
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[5]]");
    return ShareOneCommit(outcomes);
  }));
}

TEST("a job whose deferred foreign key a neighbour would repair is rolled back alone") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    client.Exec("CREATE TABLE child (n, parent REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)");
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO child VALUES ('before', 7)"));
    jobs.push_back(Run("INSERT INTO t VALUES (7, 'parent')"));
    jobs.push_back(Run("INSERT INTO child VALUES ('after', 7)"));
    jobs.push_back(Run("INSERT INTO child VALUES ('never', 8)"));
    jobs.push_back(Batch({{"INSERT INTO child VALUES ('own', 9)"}, {"INSERT INTO t VALUES (9, 'own')"}}));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]) == "SQLITE_CONSTRAINT_FOREIGNKEY");
    EXPECT(CodeOf(outcomes[1]).empty());
    EXPECT(CodeOf(outcomes[2]).empty());
    EXPECT(CodeOf(outcomes[3]) == "SQLITE_CONSTRAINT_FOREIGNKEY");
    EXPECT(CodeOf(outcomes[4]).empty());
    EXPECT(client.Rows("SELECT n FROM child ORDER BY n") == R"([["after"],["own"]])");
    EXPECT(client.Rows("PRAGMA foreign_key_check") == "[]");
    return ShareOneCommit(outcomes);
  }));
}

TEST("what OR FAIL would keep with a deferred foreign key left open is kept for no neighbour to repair") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    client.Exec("CREATE TABLE child (n UNIQUE, parent REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)");
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (6, 'first')"));
    jobs.push_back(Run("INSERT OR FAIL INTO child VALUES ('a', 7), ('a', 7)"));
    jobs.push_back(Run("INSERT INTO t VALUES (7, 'parent')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(CodeOf(outcomes[2]).empty());
    EXPECT(client.Rows("SELECT * FROM child") == "[]");
    return ShareOneCommit(outcomes);
  }));
}

TEST("on a reader there are no groups: a write fails as itself, and says which query of its batch it was") {
  TempFile file;
  Client(file.path()).Exec(kTable);
  Settings settings;
  settings.reader = true;
  Client reader(file.path(), settings);
  std::vector<JobPtr> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(Batch({{"SELECT 1"}, {"INSERT INTO t VALUES (1, 1)"}}));
  for (const Outcome& outcome : reader.AwaitAll(reader.SendAll(std::move(jobs)))) {
    EXPECT(CodeOf(outcome) == "SQLITE_READONLY");
    EXPECT(FailureOf(outcome).index == 1);
  }
}

TEST("last_insert_rowid never comes from a neighbour") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    client.Exec("CREATE TABLE w (k PRIMARY KEY) WITHOUT ROWID");
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (41, 'a')"));
    jobs.push_back(Run("INSERT INTO w VALUES ('k')"));
    jobs.push_back(Run("INSERT OR IGNORE INTO t VALUES (42, 'a')"));
    jobs.push_back(Run("UPDATE t SET x = 'b'"));
    jobs.push_back(Run("INSERT INTO t SELECT 1, 2 WHERE 0"));
    jobs.push_back(Run("INSERT INTO t VALUES (43, 'b')"));  // fails
    jobs.push_back(Many("DELETE FROM t WHERE n = ?", {Params{41}, Params{99}}));
    jobs.push_back(
        Batch({{"INSERT INTO t VALUES (50, 'x')"}, {"DELETE FROM w"}, {"INSERT INTO t VALUES (51, 'y')"}}));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    const auto is = [](const Result& result, int64_t changes, int64_t rowid) {
      return result.changes == changes && result.last_insert_rowid == rowid;
    };
    EXPECT(is(outcomes[0].results[0], 1, 41));
    EXPECT(is(outcomes[1].results[0], 1, 0));
    EXPECT(is(outcomes[2].results[0], 0, 0));
    EXPECT(is(outcomes[3].results[0], 1, 0));
    EXPECT(is(outcomes[4].results[0], 0, 0));
    EXPECT(CodeOf(outcomes[5]) == "SQLITE_CONSTRAINT_UNIQUE");
    EXPECT(is(outcomes[6].results[0], 1, 0));
    EXPECT(is(outcomes[7].results[0], 1, 50));
    EXPECT(is(outcomes[7].results[1], 1, 0));
    EXPECT(is(outcomes[7].results[2], 1, 51));
    return ShareOneCommit(outcomes);
  }));
}

TEST("a lone SELECT or DDL between writes sees exactly the writes before it") {
  TempFile file;
  Client client(file.path());
  client.Exec(kTable);
  for (int round = 0; round < 20; ++round) {
    std::vector<JobPtr> jobs;
    for (int i = 0; i < 30; ++i) {
      jobs.push_back(Run("INSERT INTO t VALUES (NULL, NULL)"));
      if (i % 5 == 4) jobs.push_back(All("SELECT count(*) FROM t"));
      if (i == 17)
        jobs.push_back(Run("CREATE TABLE c" + std::to_string(round) + " AS SELECT count(*) AS n FROM t"));
    }
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    int inserted = round * 30;
    for (const Outcome& outcome : outcomes) {
      const std::string rows = RowsOf(outcome);
      if (rows == "[]") {
        inserted += outcome.results[0].last_insert_rowid != 0 ? 1 : 0;
      } else {
        EXPECT(rows == "[[" + std::to_string(inserted) + "]]");
      }
    }
    EXPECT(client.Rows("SELECT n FROM c" + std::to_string(round)) ==
           "[[" + std::to_string(round * 30 + 18) + "]]");
  }
}

TEST("a setting PRAGMA between writes takes effect after those before it and before those behind it") {
  TempFile file;
  Client client(file.path());
  client.Exec("CREATE TABLE p (n INTEGER PRIMARY KEY); CREATE TABLE c (n REFERENCES p)");
  for (int round = 0; round < 5; ++round) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO p VALUES (NULL)"));
    jobs.push_back(Run("INSERT INTO c VALUES (777)"));
    jobs.push_back(Run("PRAGMA foreign_keys = OFF"));
    jobs.push_back(Run("INSERT INTO c VALUES (778)"));
    jobs.push_back(Run("INSERT INTO p VALUES (NULL)"));
    jobs.push_back(Run("PRAGMA foreign_keys = ON"));
    jobs.push_back(Run("INSERT INTO c VALUES (779)"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_FOREIGNKEY");
    EXPECT(CodeOf(outcomes[3]).empty());
    EXPECT(CodeOf(outcomes[6]) == "SQLITE_CONSTRAINT_FOREIGNKEY");
  }
}

TEST("nothing of a group is told before its commit: another connection sees it at that moment") {
  TempFile file;
  Client client(file.path());
  Client other(file.path());
  client.Exec(kTable);
  int seen = 0;
  client.outcomes().OnPost([&](const std::vector<Outcome>& outcomes) {
    for (const Outcome& outcome : outcomes) {
      if (outcome.results.empty() || outcome.results[0].last_insert_rowid == 0) continue;
      ++seen;
      const int64_t rowid = outcome.results[0].last_insert_rowid;
      EXPECT(other.Rows("SELECT count(*) FROM t WHERE n = ?", {rowid}) == "[[1]]");
    }
  });
  std::vector<JobPtr> jobs;
  for (int i = 0; i < 64; ++i) jobs.push_back(Run("INSERT INTO t VALUES (NULL, ?)", {i}));
  client.AwaitAll(client.SendAll(std::move(jobs)));
  client.outcomes().OnPost(nullptr);
  EXPECT(seen == 64);
}

TEST("a group takes 256 jobs at most") {
  EXPECT(OnOneOfManyTries([] {
    Client client(":memory:");
    client.Exec("CREATE TABLE t (n)");
    std::vector<JobPtr> jobs;
    for (int i = 0; i < 300; ++i) jobs.push_back(Run("INSERT INTO t VALUES (1)"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    uint32_t largest = 0;
    for (const Outcome& outcome : outcomes) largest = std::max(largest, outcome.group_size);
    EXPECT(largest <= 256);
    EXPECT(client.Rows("SELECT count(*) FROM t") == "[[300]]");
    return largest == 256 || IsSlow();
  }));
}

TEST("a group takes no more jobs in when it has worked for some milliseconds") {
  TempFile file;
  Client client(file.path());
  client.Exec(kTable);
  const std::string slow =
      "INSERT INTO t (n) SELECT max(i) + ? FROM (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
      "FROM r "
      "LIMIT 200000) SELECT i FROM r)";
  std::vector<JobPtr> jobs;
  for (int i = 0; i < 6; ++i) jobs.push_back(Run(slow, {i}));
  const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
  for (const Outcome& outcome : outcomes) {
    EXPECT(CodeOf(outcome).empty());
    EXPECT(outcome.group_size < 6);
  }
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[6]]");
}

TEST("there is no grouping inside a transaction that the user's own SQL holds open") {
  TempFile file;
  Client client(file.path());
  Client other(file.path());
  client.Exec(kTable);
  client.Exec("BEGIN; INSERT INTO t VALUES (1, 'a')");
  std::vector<JobPtr> jobs;
  for (int i = 2; i < 6; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?, ?)", {i, i}));
  jobs.push_back(Many("INSERT INTO t VALUES (?, ?)", {{6, 6}, {7, 6}}));
  jobs.push_back(Batch({{"INSERT INTO t VALUES (8, 8)"}}));
  const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
  for (const Outcome& outcome : outcomes) {
    EXPECT(outcome.group_size == 0);
    EXPECT(!outcome.counts_commit);
  }
  EXPECT(CodeOf(outcomes[4]) == "SQLITE_CONSTRAINT_UNIQUE");  // undone alone
  EXPECT(other.Rows("SELECT count(*) FROM t") == "[[0]]");
  EXPECT(client.Must(Run("COMMIT")).counts_commit);
  EXPECT(other.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2],[3],[4],[5],[8]]");
}

TEST("a transaction of the user's that SQLite rolls back is over: grouping starts again") {
  EXPECT(WithTable([](Client& client, const TempFile&) {
    client.Exec(
        "CREATE TRIGGER r BEFORE INSERT ON t WHEN new.n = 99 BEGIN SELECT raise(ROLLBACK, 'no'); END");
    client.Exec("BEGIN; INSERT INTO t VALUES (1, 'a')");
    EXPECT(CodeOf(client.Do(Run("INSERT INTO t VALUES (99, 'z')"))) == "SQLITE_CONSTRAINT_TRIGGER");
    std::vector<JobPtr> jobs;
    for (int i = 2; i < 5; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?, ?)", {i, i}));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[2],[3],[4]]");
    return ShareOneCommit(outcomes);
  }));
}

}  // namespace aiosqlite::test

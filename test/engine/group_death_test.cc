// Failures that end a group's transaction, and the outcomes of its other members.
#include <cstdio>
#include <thread>

#include "engine/worker/group_commit.h"
#include "failing_allocator.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

// Inserting 9xx rolls back the whole transaction, not the statement alone.
constexpr char kSchema[] =
    "CREATE TABLE t (n INTEGER PRIMARY KEY, x);"
    "CREATE TRIGGER r BEFORE INSERT ON t WHEN new.n >= 900 BEGIN SELECT raise(ROLLBACK, 'fatal'); END";
constexpr char kEndlessWrite[] =
    "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) INSERT INTO t SELECT i + 1000, "
    "'endless' FROM r";

bool WithSchema(const std::function<bool(Client&)>& attempt) {
  return OnOneOfManyTries([&] {
    TempFile file;
    Client client(file.path());
    client.Exec(kSchema);
    return attempt(client);
  });
}

bool InGroupsOf(const std::vector<Outcome>& outcomes, const std::vector<uint32_t>& sizes) {
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].group_size != sizes[i]) return false;
  }
  return true;
}

}  // namespace

TEST("RAISE(ROLLBACK) kills a group: its job fails, the others run again as one group") {
  EXPECT(WithSchema([](Client& client) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(Run("INSERT INTO t VALUES (2, 'b')"));
    jobs.push_back(Run("INSERT INTO t VALUES (901, 'c')"));
    jobs.push_back(Run("INSERT INTO t VALUES (3, 'd')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[2]) == "SQLITE_CONSTRAINT_TRIGGER");
    EXPECT(FailureOf(outcomes[2]).message == "fatal");
    for (const size_t i : {0, 1, 3}) {
      EXPECT(CodeOf(outcomes[i]).empty());
      EXPECT(outcomes[i].results.size() == 1 && outcomes[i].results[0].changes == 1);
    }
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2],[3]]");
    return outcomes[0].group_size == 2 && outcomes[1].group_size == 2;
  }));
}

TEST("OR ROLLBACK kills a group, and so does one in the middle of a batch") {
  EXPECT(WithSchema([](Client& client) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(Batch({{"INSERT INTO t VALUES (2, 'undone')"},
                          {"INSERT OR ROLLBACK INTO t VALUES (1, 'b')"},
                          {"INSERT INTO t VALUES (3, 'never')"}}));
    jobs.push_back(Run("INSERT INTO t VALUES (4, 'c')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_PRIMARYKEY");
    EXPECT(FailureOf(outcomes[1]).index == 1);
    EXPECT(CodeOf(outcomes[2]).empty());
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[4]]");
    return outcomes[0].group_size == 1;  // it ran again alone: the batch was gone, the last not yet taken in
  }));
}

TEST("after a second death the rest runs one by one, and each comes out right") {
  EXPECT(WithSchema([](Client& client) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    // Kills once it sees another's row, so that the second attempt dies too.
    jobs.push_back(
        Run("INSERT INTO t SELECT 2, 'b' UNION ALL SELECT 902, 'b' WHERE EXISTS (SELECT 1 FROM t)"));
    jobs.push_back(Run("INSERT INTO t VALUES (3, 'c')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_TRIGGER");
    EXPECT(CodeOf(outcomes[2]).empty());
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[3]]");
    return true;
  }));
}

TEST("what runs alone after a ROLLBACK that has failed runs outside of what is still to be undone") {
  TempFile file;
  Local local(file.path());
  Outcomes outcomes;
  GroupCommit group(*local, local.runner(), local.queue(), local.running(), outcomes);
  local.Rows({"CREATE TABLE t (x)"});
  EXPECT(!local->Control("BEGIN IMMEDIATE"));
  local.Rows({"INSERT INTO t VALUES ('undone')"});
  {
    const AllocationFault fault(1, true);
    EXPECT(local->RollBack());
  }
  Outcome outcome;
  EXPECT(!group.RunAlone(*Run("INSERT INTO t VALUES ('kept')"), outcome));
  Local other(file.path());
  EXPECT(other.Rows({"SELECT x FROM t", {}, RowMode::kArray}) == R"([["kept"]])");
}

TEST("what could not be rolled back can't be committed") {
  TempFile file;
  Local local(file.path());
  local.Rows({"CREATE TABLE t (x)"});
  EXPECT(!local->Control("BEGIN IMMEDIATE"));
  local.Rows({"INSERT INTO t VALUES ('undone')"});
  {
    const AllocationFault fault(1, true);
    EXPECT(local->RollBack());
  }
  EXPECT(local->Control("COMMIT"));
  EXPECT(local.Rows({"SELECT x FROM t", {}, RowMode::kArray}) == "[]");
}

TEST("two deaths in one group: both fail, the others are right and told once") {
  EXPECT(WithSchema([](Client& client) {
    // A job behind a killer is not yet taken in. So both are: the first kills only when the other has run.
    client.Exec(
        "CREATE TABLE log (n);"
        "CREATE TRIGGER late AFTER INSERT ON t WHEN new.n = 800 BEGIN SELECT raise(ROLLBACK, 'late') "
        "WHERE (SELECT count(*) FROM t) IN (2, 4); END");
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));    // attempt 1: 1 row
    jobs.push_back(Run("INSERT INTO t VALUES (800, 'k')"));  // attempt 1: the second row, dies
    jobs.push_back(Run("INSERT INTO t VALUES (2, 'b')"));
    jobs.push_back(Run("INSERT INTO t VALUES (903, 'k')"));
    jobs.push_back(Run("INSERT INTO t VALUES (3, 'c')"));
    const std::vector<JobId> ids = client.SendAll(std::move(jobs));
    const std::vector<Outcome> outcomes = client.AwaitAll(ids);
    for (const size_t i : {0, 2, 4}) EXPECT(CodeOf(outcomes[i]).empty());
    for (const size_t i : {1, 3}) EXPECT(CodeOf(outcomes[i]) == "SQLITE_CONSTRAINT_TRIGGER");
    for (const JobId id : ids) EXPECT(client.outcomes().Times(id) == 1);
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2],[3]]");
    return true;
  }));
}

TEST("a full disk fails the job that meets it, and the others keep theirs") {
  EXPECT(WithSchema([](Client& client) {
    client.Exec("PRAGMA max_page_count = 12");
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(Run("INSERT INTO t VALUES (2, zeroblob(100000))"));
    jobs.push_back(Run("INSERT INTO t VALUES (3, 'c')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(CodeOf(outcomes[1]) == "SQLITE_FULL");
    EXPECT(CodeOf(outcomes[2]).empty());
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[3]]");
    EXPECT(client.Rows("PRAGMA integrity_check") == R"([["ok"]])");
    return outcomes[0].group_size > 0;
  }));
}

TEST("a write that is cancelled while it runs in a group fails alone; the others' results are right") {
  EXPECT(WithSchema([](Client& client) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(
        Batch({{"INSERT INTO t VALUES (2, 'b')"}, {"SELECT count(*) FROM t", {}, RowMode::kArray}}));
    jobs.push_back(Cancellable(Run(kEndlessWrite)));
    jobs.push_back(Run("INSERT INTO t VALUES (NULL, 'c')"));
    const std::vector<JobId> ids = client.SendAll(std::move(jobs));
    client.AwaitStart(1);
    const bool grouped = !client.outcomes().Has(ids[0]);  // not before the commit
    const bool queued = client.queue().Cancel(ids[2], true);
    if (queued) {  // the group was slow: it had not come so far
      client.Await(ids[3]);
      return false;
    }
    const std::vector<Outcome> outcomes = client.AwaitAll(ids);
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(CodeOf(outcomes[1]).empty());
    EXPECT(RowsOf(outcomes[1], 1) == "[[2]]");
    EXPECT(CodeOf(outcomes[2]) == "ERR_CANCELLED");
    EXPECT(CodeOf(outcomes[3]).empty());
    EXPECT(outcomes[3].results[0].last_insert_rowid == 3);
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2],[3]]");
    return grouped && outcomes[0].group_size == 2;
  }));
}

TEST("a write that passes its deadline in a group fails alone") {
  EXPECT(WithSchema([](Client& client) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(Within(milliseconds(60), Run(kEndlessWrite)));
    jobs.push_back(Run("INSERT INTO t VALUES (2, 'b')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(CodeOf(outcomes[1]) == "ERR_TIMEOUT");
    EXPECT(CodeOf(outcomes[2]).empty());
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2]]");
    return outcomes[0].group_size == 1;  // died, and ran again without the culprit
  }));
}

TEST("a job behind a slow neighbour can still be taken back while that one runs") {
  TempFile file;
  Client client(file.path());
  client.Exec(kSchema);
  std::vector<JobPtr> jobs;
  jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
  jobs.push_back(Cancellable(Run(kEndlessWrite)));
  jobs.push_back(Cancellable(Run("INSERT INTO t VALUES (2, 'b')")));
  const std::vector<JobId> ids = client.SendAll(std::move(jobs));
  client.AwaitStart(1);
  EXPECT(client.queue().Cancel(ids[2], false));
  client.queue().Cancel(ids[1], true);
  EXPECT(CodeOf(client.Await(ids[0])).empty());
  EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1]]");
  EXPECT(client.outcomes().Times(ids[2]) == 0);
}

TEST("a member that is cancelled once its statements have run settles with its real result") {
  EXPECT(WithSchema([](Client& client) {
    const std::string slow =
        "INSERT INTO t SELECT 500, count(*) FROM (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
        "FROM r LIMIT "
        "500000) SELECT i FROM r)";
    std::vector<JobPtr> jobs;
    jobs.push_back(Cancellable(Run("INSERT INTO t VALUES (1, 'a')")));
    jobs.push_back(Run(slow));
    const std::vector<JobId> ids = client.SendAll(std::move(jobs));
    std::this_thread::sleep_for(milliseconds(5));
    const bool early = client.outcomes().Has(ids[0]);
    const bool withdrawn = client.queue().Cancel(ids[0], true);
    const Outcome slow_outcome = client.Await(ids[1]);
    EXPECT(CodeOf(slow_outcome).empty());
    if (withdrawn) return false;  // the worker had not woken up
    const bool succeeded = CodeOf(client.Await(ids[0])).empty();
    EXPECT(client.Rows("SELECT count(*) FROM t WHERE n = 1") == (succeeded ? "[[1]]" : "[[0]]"));
    return succeeded && !early && slow_outcome.group_size == 2;
  }));
}

TEST("a job whose deadline is nearer than a group may take runs alone") {
  EXPECT(WithSchema([](Client& client) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(Within(milliseconds(9), Run("INSERT INTO t VALUES (2, 'b')")));
    jobs.push_back(Run("INSERT INTO t VALUES (3, 'c')"));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[1]).empty() || CodeOf(outcomes[1]) == "ERR_TIMEOUT");
    EXPECT(outcomes[1].group_size == 0);
    EXPECT(outcomes[0].group_size <= 1);
    return CodeOf(outcomes[1]).empty() && outcomes[1].counts_commit;
  }));
}

TEST("a read that is interrupted inside a batch fails that batch alone and kills nothing") {
  EXPECT(WithSchema([](Client& client) {
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1, 'a')"));
    jobs.push_back(Within(milliseconds(40), Batch({{"INSERT INTO t VALUES (2, 'b')"}, {kEndless}})));
    const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
    EXPECT(CodeOf(outcomes[0]).empty());
    EXPECT(CodeOf(outcomes[1]) == "ERR_TIMEOUT");
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1]]");
    return InGroupsOf(outcomes, {2, 2});
  }));
}

TEST("a call that is cancelled at any moment has either its real result or changed nothing") {
  TempFile file;
  Client client(file.path());
  client.Exec(kSchema);
  int cancelled = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<JobPtr> jobs;
    for (int i = 0; i < 4; ++i)
      jobs.push_back(Cancellable(Run("INSERT INTO t VALUES (NULL, ?)", {round * 4 + i})));
    const std::vector<JobId> ids = client.SendAll(std::move(jobs));
    if (round % 10 == 0) client.Await(ids[3]);
    for (int spins = round % 2 * round % 50; spins > 0; --spins) std::this_thread::yield();
    std::vector<bool> withdrawn;
    for (const JobId id : ids) withdrawn.push_back(client.queue().Cancel(id, true));
    for (size_t i = 0; i < 4; ++i) {
      const bool succeeded = !withdrawn[i] && CodeOf(client.Await(ids[i])).empty();
      cancelled += succeeded ? 0 : 1;
      const std::string rows =
          client.Rows("SELECT count(*) FROM t WHERE x = ?", {round * 4 + static_cast<int>(i)});
      EXPECT(rows == (succeeded ? "[[1]]" : "[[0]]"));
    }
  }
  EXPECT(cancelled < 1200);
  std::printf("  %d of 1200 were cancelled\n", cancelled);
}

// SQLite asks the progress handler once more when a statement has ended, its commit included, as often as the
// steps of all its runs pass a multiple of 1,000.
TEST("what has been committed is never called cancelled") {
  TempFile file;
  Local local(file.path());
  local.Rows({"CREATE TABLE t (n)"});
  const JobPtr job = Cancellable(Run("INSERT INTO t VALUES (1)"));
  for (int i = 0; i < 1500; ++i) {
    job->cancelled = false;
    local.running().Set({job.get()});
    EXPECT(!local->Control("BEGIN IMMEDIATE"));
    Outcome outcome;
    EXPECT(!local.runner().Run(*job, outcome));
    job->cancelled = true;  // too late: its statement has run
    EXPECT(!local->Control("COMMIT"));
    EXPECT(!local->in_transaction());
  }
  job->cancelled = false;
  EXPECT(local.Rows({"SELECT count(*) FROM t", {}, RowMode::kArray}) == "[[1500]]");
}

TEST("a lone write that is told to have passed its deadline is not there, however close it was") {
  TempFile file;
  Settings settings;
  settings.pragmas = {"PRAGMA synchronous = FULL"};  // so that commits take their time
  Client client(file.path(), settings);
  client.Exec("CREATE TABLE t (n, x)");
  // Many steps and no loop: SQLite looks at the clock only when the statement has ended.
  std::string sql = "INSERT INTO t VALUES (?1, ?1";
  for (int i = 0; i < 600; ++i) sql += " + ?1";
  sql += ")";
  int late = 0;
  for (int i = 0; i < 400; ++i) {
    const auto timeout = std::chrono::microseconds(1 + (i * 7) % 120);
    JobPtr job = Cancellable(Run(sql, {i}));
    job->deadline = Clock::now() + timeout;
    const bool failed = client.Do(std::move(job)).failure.has_value();
    late += failed ? 1 : 0;
    EXPECT(client.Rows("SELECT count(*) FROM t WHERE n = ?", {i}) == (failed ? "[[0]]" : "[[1]]"));
  }
  std::printf("  %d of 400 were late\n", late);
}

}  // namespace aiosqlite::test

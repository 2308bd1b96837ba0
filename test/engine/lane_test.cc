// Leases, transactions and savepoints: lanes of their own, in which one worker serves them alone.
#include <fstream>
#include <thread>

#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr char kTable[] = "CREATE TABLE t (n INTEGER PRIMARY KEY)";

JobPtr Insert(int n) { return Run("INSERT INTO t VALUES (?)", {n}); }
constexpr char kAll[] = "SELECT group_concat(n) FROM (SELECT n FROM t ORDER BY n)";

struct Fixture {
  TempFile file;
  Client client{file.path()};
  LaneId lane = NewLane();
  Fixture() { client.Exec(kTable); }
};

}  // namespace

TEST("while a transaction is open, other calls wait for its end") {
  Fixture f;
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  const JobId outside = f.client.Send(All(kAll));
  f.client.Must(In(f.lane, Insert(1)));
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT(!f.client.outcomes().Has(outside));
  f.client.Must(In(f.lane, Insert(2)));
  const Outcome end = f.client.Must(End(f.lane, EndMode::kCommit));
  EXPECT(end.counts_commit);
  EXPECT(RowsOf(f.client.Await(outside)) == R"([["1,2"]])");
}

TEST("writes queued before a transaction commit before it, those behind it after it") {
  Fixture f;
  std::vector<JobPtr> jobs;
  jobs.push_back(Insert(1));
  jobs.push_back(Insert(2));
  jobs.push_back(Begin(f.lane, BeginMode::kDeferred));
  jobs.push_back(Insert(5));
  jobs.push_back(Insert(6));
  jobs.push_back(In(f.lane, All(kAll)));
  jobs.push_back(In(f.lane, Insert(3)));
  jobs.push_back(End(f.lane, EndMode::kCommit));
  jobs.push_back(All(kAll));
  const std::vector<Outcome> outcomes = f.client.AwaitAll(f.client.SendAll(std::move(jobs)));
  for (const Outcome& outcome : outcomes) EXPECT(CodeOf(outcome).empty());
  EXPECT(RowsOf(outcomes[5]) == R"([["1,2"]])");
  EXPECT(RowsOf(outcomes[8]) == R"([["1,2,3,5,6"]])");
}

TEST("a transaction that is rolled back leaves nothing") {
  Fixture f;
  f.client.Must(Begin(f.lane, BeginMode::kExclusive));
  f.client.Must(In(f.lane, Insert(1)));
  f.client.Must(In(f.lane, Many("INSERT INTO t VALUES (?)", {Params{2}, Params{3}})));
  const Outcome end = f.client.Must(End(f.lane, EndMode::kRollback));
  EXPECT(!end.counts_commit);
  EXPECT(f.client.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("a statement that fails in a transaction undoes itself alone") {
  Fixture f;
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  f.client.Must(In(f.lane, Insert(1)));
  EXPECT(CodeOf(f.client.Do(In(f.lane, Insert(1)))) == "SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT(
      CodeOf(f.client.Do(In(f.lane, Batch({{"INSERT INTO t VALUES (2)"}, {"INSERT INTO t VALUES (1)"}})))) ==
      "SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT(CodeOf(f.client.Do(In(f.lane, Many("INSERT INTO t VALUES (?)", {Params{3}, Params{1}})))) ==
         "SQLITE_CONSTRAINT_PRIMARYKEY");
  f.client.Must(In(f.lane, Insert(4)));
  f.client.Must(End(f.lane, EndMode::kCommit));
  EXPECT(f.client.Rows(kAll) == R"([["1,4"]])");
}

TEST("nested savepoints: each is undone without the ones around it, and waits take turns") {
  Fixture f;
  const LaneId inner = NewLane();
  const LaneId innermost = NewLane();
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  f.client.Must(In(f.lane, Insert(1)));
  f.client.Must(In(f.lane, Begin(inner, BeginMode::kSavepoint)));
  const JobId outer_waits = f.client.Send(In(f.lane, Insert(9)));
  f.client.Must(In(inner, Insert(2)));
  f.client.Must(In(inner, Begin(innermost, BeginMode::kSavepoint)));
  f.client.Must(In(innermost, Insert(3)));
  EXPECT(!f.client.outcomes().Has(outer_waits));
  const Outcome end = f.client.Must(End(innermost, EndMode::kRollback));
  EXPECT(!end.counts_commit);
  f.client.Must(In(inner, Insert(4)));
  EXPECT(!f.client.Must(End(inner, EndMode::kCommit)).counts_commit);
  EXPECT(CodeOf(f.client.Await(outer_waits)).empty());
  EXPECT(f.client.Must(End(f.lane, EndMode::kCommit)).counts_commit);
  EXPECT(f.client.Rows(kAll) == R"([["1,2,4,9"]])");
}

TEST("a savepoint whose outer transaction is rolled back is gone with it") {
  Fixture f;
  const LaneId inner = NewLane();
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  f.client.Must(In(f.lane, Begin(inner, BeginMode::kSavepoint)));
  f.client.Must(In(inner, Insert(1)));
  f.client.Must(End(inner, EndMode::kCommit));
  f.client.Must(End(f.lane, EndMode::kRollback));
  EXPECT(f.client.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("what still waits in a lane when it ends fails, and is told so before the end is") {
  Fixture f;
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  std::vector<JobPtr> jobs;
  jobs.push_back(In(f.lane, Insert(1)));
  jobs.push_back(End(f.lane, EndMode::kCommit));
  jobs.push_back(In(f.lane, Insert(2)));
  jobs.push_back(Cancellable(In(f.lane, Insert(3))));
  const std::vector<JobId> ids = f.client.SendAll(std::move(jobs));
  EXPECT(CodeOf(f.client.Await(ids[2])) == "ERR_TRANSACTION_CLOSED");
  EXPECT(CodeOf(f.client.Await(ids[3])) == "ERR_TRANSACTION_CLOSED");
  EXPECT(CodeOf(f.client.Await(ids[1])).empty());
  EXPECT(!f.client.queue().Cancel(ids[3], true));
  EXPECT(f.client.Rows(kAll) == R"([["1"]])");
}

TEST(
    "in a transaction that SQLite has rolled back, calls and COMMIT fail and run nothing; ROLLBACK "
    "succeeds") {
  Fixture f;
  f.client.Exec(
      "CREATE TRIGGER r BEFORE INSERT ON t WHEN new.n = 99 BEGIN SELECT raise(ROLLBACK, 'no'); END");
  for (const EndMode mode : {EndMode::kCommit, EndMode::kRollback}) {
    const LaneId lane = NewLane();
    f.client.Must(Begin(lane, BeginMode::kImmediate));
    f.client.Must(In(lane, Insert(1)));
    EXPECT(CodeOf(f.client.Do(In(lane, Insert(99)))) == "SQLITE_CONSTRAINT_TRIGGER");
    EXPECT(CodeOf(f.client.Do(In(lane, Insert(2)))) == "ERR_TRANSACTION_CLOSED");
    EXPECT(CodeOf(f.client.Do(In(lane, Script("INSERT INTO t VALUES (3)")))) == "ERR_TRANSACTION_CLOSED");
    EXPECT(CodeOf(f.client.Do(In(lane, Batch({{"INSERT INTO t VALUES (4)"}})))) == "ERR_TRANSACTION_CLOSED");
    EXPECT(CodeOf(f.client.Do(In(lane, Begin(NewLane(), BeginMode::kSavepoint)))) ==
           "ERR_TRANSACTION_CLOSED");
    EXPECT(CodeOf(f.client.Do(End(lane, mode))) ==
           (mode == EndMode::kCommit ? "ERR_TRANSACTION_CLOSED" : ""));
    EXPECT(f.client.Rows("SELECT count(*) FROM t") == "[[0]]");
  }
}

TEST("a savepoint in a transaction that SQLite has rolled back ends like it") {
  Fixture f;
  f.client.Exec(
      "CREATE TRIGGER r BEFORE INSERT ON t WHEN new.n = 99 BEGIN SELECT raise(ROLLBACK, 'no'); END");
  const LaneId inner = NewLane();
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  f.client.Must(In(f.lane, Begin(inner, BeginMode::kSavepoint)));
  EXPECT(f.client.Do(In(inner, Insert(99))).failure.has_value());
  EXPECT(CodeOf(f.client.Do(End(inner, EndMode::kCommit))) == "ERR_TRANSACTION_CLOSED");
  EXPECT(CodeOf(f.client.Do(In(f.lane, Insert(1)))) == "ERR_TRANSACTION_CLOSED");
  EXPECT(CodeOf(f.client.Do(End(f.lane, EndMode::kRollback))).empty());
  f.client.Must(Insert(5));
  EXPECT(f.client.Rows(kAll) == R"([["5"]])");
}

TEST("a COMMIT that a deferred foreign key forbids rolls back, and the connection goes on") {
  Fixture f;
  f.client.Exec("CREATE TABLE c (p REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)");
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  f.client.Must(In(f.lane, Run("INSERT INTO c VALUES (1)")));
  EXPECT(CodeOf(f.client.Do(End(f.lane, EndMode::kCommit))) == "SQLITE_CONSTRAINT_FOREIGNKEY");
  EXPECT(f.client.Rows("SELECT count(*) FROM c") == "[[0]]");
  const LaneId again = NewLane();
  f.client.Must(Begin(again, BeginMode::kImmediate));
  f.client.Must(End(again, EndMode::kCommit));
}

TEST("a transaction that can't begin opens no lane") {
  Fixture f;
  Settings settings;
  settings.busy_timeout_ms = 30;
  Client holder(f.file.path());
  Client client(f.file.path(), settings);
  holder.Exec("BEGIN IMMEDIATE");
  const Outcome begin = client.Do(Begin(f.lane, BeginMode::kImmediate));
  EXPECT(CodeOf(begin) == "SQLITE_BUSY");
  EXPECT(FailureOf(begin).sql.empty());                      // the text is the engine's own
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[0]]");  // the main lane is served
}

TEST("an open lane ends even if everything in it is drained and interrupted") {
  Fixture f;
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  f.client.Must(In(f.lane, Insert(1)));
  const JobId runs = f.client.Send(In(f.lane, Cancellable(Run(kEndless))));
  const JobId waits = f.client.Send(In(f.lane, Cancellable(Insert(2))));
  f.client.AwaitStart(1);
  EXPECT(f.client.queue().Drain(f.lane) == std::vector<JobId>{waits});
  EXPECT(CodeOf(f.client.Await(runs)) == "ERR_CANCELLED");
  EXPECT(CodeOf(f.client.Do(End(f.lane, EndMode::kRollback))).empty());
  EXPECT(f.client.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("draining a lane never takes or stops its end, or its worker would serve that lane for ever") {
  Fixture f;
  for (int round = 0; round < 60; ++round) {
    const LaneId lane = NewLane();
    f.client.Must(Begin(lane, BeginMode::kImmediate));
    f.client.Send(In(lane, Cancellable(Insert(round))));
    const JobId end =
        f.client.Send(Cancellable(End(lane, round % 2 == 0 ? EndMode::kCommit : EndMode::kRollback)));
    for (int spins = round; spins > 0; --spins) std::this_thread::yield();
    f.client.queue().Drain(lane);
    f.client.Await(end);
    f.client.Rows("SELECT count(*) FROM t");
  }
}

TEST("the end of a lane comes however late: it does not fail as other jobs do whose deadline has passed") {
  Fixture f;
  f.client.Must(Begin(f.lane, BeginMode::kImmediate));
  f.client.Must(In(f.lane, Insert(1)));
  EXPECT(CodeOf(f.client.Do(Within(milliseconds(0), End(f.lane, EndMode::kCommit)))).empty());
  EXPECT(f.client.Rows(kAll) == R"([["1"]])");
}

TEST("whichever of the workers that share a queue sleeps in a lane, a job there wakes it") {
  TempFile file;
  const auto queue = std::make_shared<Queue>(Queue::Limits{});
  Client one(1, queue, file.path(), {});
  Client other(2, queue, file.path(), {});
  const LaneId lanes[] = {NewLane(), NewLane()};
  const auto ends = [&](JobPtr job) {
    const JobId id = one.Send(std::move(job));
    Until([&] { return one.outcomes().Has(id) || other.outcomes().Has(id); });
  };
  for (const LaneId lane : lanes) ends(Begin(lane, BeginMode::kLease));
  for (const int lane : {0, 1, 1, 0, 0, 1}) {
    std::this_thread::sleep_for(milliseconds(20));  // so that both are asleep
    ends(In(lanes[lane], Run("SELECT 1")));
  }
  for (const LaneId lane : lanes) ends(End(lane, EndMode::kRelease));
}

TEST("a lease comes back unaltered after plain use, and what it left open is rolled back") {
  Fixture f;
  f.client.Must(Begin(f.lane, BeginMode::kLease));
  f.client.Must(In(f.lane, Insert(1)));
  f.client.Must(In(f.lane, Run("BEGIN")));
  f.client.Must(In(f.lane, Insert(2)));
  const Outcome end = f.client.Must(End(f.lane, EndMode::kRelease));
  EXPECT(!end.altered);
  EXPECT(f.client.Rows(kAll) == R"([["1"]])");
}

TEST("a lease whose settings or attachments were changed comes back altered, and its worker ends") {
  for (const char* sql : {"PRAGMA cache_size = 50", "ATTACH ':memory:' AS other", "PRAGMA foreign_keys = OFF",
                          "EXPLAIN PRAGMA foreign_keys = OFF", "CREATE TEMP TABLE mine (n)"}) {
    Fixture f;
    f.client.Must(Begin(f.lane, BeginMode::kLease));
    f.client.Must(In(f.lane, Run(sql)));
    EXPECT(f.client.Must(End(f.lane, EndMode::kRelease)).altered);
    const JobId nobody = f.client.Send(Run("SELECT 1"));
    f.client.worker().Terminate();
    EXPECT(!f.client.outcomes().Has(nobody));
  }
}

TEST("a connection that comes back altered is closed when that is told: the WAL is in the file and gone") {
  Fixture f;
  f.client.Must(Begin(f.lane, BeginMode::kLease));
  f.client.Must(In(f.lane, Insert(1)));
  f.client.Must(In(f.lane, Run("PRAGMA cache_size = 50")));
  bool gone = false;
  f.client.outcomes().OnPost(
      [&](const std::vector<Outcome>&) { gone = !std::ifstream(f.file.path() + "-wal").good(); });
  EXPECT(f.client.Must(End(f.lane, EndMode::kRelease)).altered);
  EXPECT(gone);
}

TEST("a lease of a database in memory comes back as it is: closed, the database would be gone") {
  for (const char* file : {":memory:", "", "file:/lane-test?vfs=memdb"}) {
    Client client(file);
    const LaneId lane = NewLane();
    client.Exec(kTable);
    client.Must(Begin(lane, BeginMode::kLease));
    client.Must(In(lane, Insert(1)));
    client.Must(In(lane, Run("PRAGMA cache_size = 50")));
    EXPECT(!client.Must(End(lane, EndMode::kRelease)).altered);
    EXPECT(client.Rows(kAll) == R"([["1"]])");
  }
}

TEST("a setting that was only asked for does not alter a lease, nor does what was set before it") {
  Fixture f;
  f.client.Exec("PRAGMA cache_size = 100");
  f.client.Must(Begin(f.lane, BeginMode::kLease));
  f.client.Must(In(f.lane, Run("PRAGMA cache_size")));
  f.client.Must(In(f.lane, Run("PRAGMA table_info(t)")));
  EXPECT(CodeOf(f.client.Do(In(f.lane, Run("PRAGMA")))) == "SQLITE_ERROR");
  EXPECT(!f.client.Must(End(f.lane, EndMode::kRelease)).altered);
}

TEST("a worker that was given a lane serves it alone until its end: so a pool sets a connection up") {
  TempFile file;
  const LaneId lane = NewLane();
  const auto queue = std::make_shared<Queue>(Queue::Limits{});
  Outcomes outcomes;
  const auto send = [&](JobPtr job) {
    const JobId id = job->id;
    queue->Stage(std::move(job));
    queue->Publish();
    return id;
  };
  const JobId main = send(Run("SELECT 1"));
  Worker worker(1, queue, outcomes, Open(file.path()), lane);
  const JobId setup = send(In(lane, Script("CREATE TABLE t (n)")));
  EXPECT(CodeOf(outcomes.Await(setup)).empty());
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT(!outcomes.Has(main));
  const JobId end = send(End(lane, EndMode::kReady));
  EXPECT(CodeOf(outcomes.Await(main)).empty());
  EXPECT(!outcomes.Await(end).altered);
}

TEST("a close in a lane of its own leaves no trace in the queue that others share") {
  TempFile file;
  const LaneId lane = NewLane();
  const auto queue = std::make_shared<Queue>(Queue::Limits{});
  Outcomes outcomes;
  JobPtr close = Cancellable(In(lane, Close()));
  const JobId id = close->id;
  {
    Worker worker(1, queue, outcomes, Open(file.path()), lane);
    queue->Stage(std::move(close));
    queue->Publish();
    EXPECT(CodeOf(outcomes.Await(id)).empty());
  }
  EXPECT(!queue->Cancel(id, true));  // under AddressSanitizer: the job is gone
  EXPECT(queue->Drain(lane).empty());
}

}  // namespace aiosqlite::test

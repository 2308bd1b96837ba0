// One thread, one database: order, closing, interrupting, deadlines.
#include <atomic>
#include <future>
#include <thread>

#include "support.h"

namespace aiosqlite::test {

TEST("a worker does jobs in the order in which they were staged") {
  TempFile file;
  Client client(file.path());
  client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
  std::vector<JobPtr> jobs;
  for (int i = 0; i < 60; ++i) {
    if (i % 3 == 0) jobs.push_back(Run("INSERT INTO t VALUES (?)", {i}));
    if (i % 3 == 1) jobs.push_back(All("SELECT count(*), max(n) FROM t"));
    if (i % 3 == 2) jobs.push_back(Script("CREATE TABLE t" + std::to_string(i) + " (x)"));
  }
  const std::vector<JobId> ids = client.SendAll(std::move(jobs));
  const std::vector<Outcome> outcomes = client.AwaitAll(ids);
  for (int i = 1; i < 60; i += 3) {
    const int count = i / 3 + 1;
    EXPECT(RowsOf(outcomes[static_cast<size_t>(i)]) ==
           "[[" + std::to_string(count) + "," + std::to_string(3 * (count - 1)) + "]]");
  }
  std::vector<JobId> order = client.outcomes().Order();
  order.erase(order.begin(), order.begin() + 2);  // open, CREATE TABLE
  EXPECT(order == ids);
}

TEST("what is staged does not run before it is published") {
  Client client(":memory:");
  JobPtr job = Run("SELECT 1");
  const JobId id = job->id;
  EXPECT(client.queue().Stage(std::move(job)));
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT(!client.outcomes().Has(id));
  client.queue().Publish();
  EXPECT(CodeOf(client.Await(id)).empty());
}

TEST("closing lets what was queued before it finish, and runs nothing after it") {
  TempFile file;
  Client client(file.path());
  client.Exec("CREATE TABLE t (n)");
  std::vector<JobPtr> jobs;
  for (int i = 0; i < 50; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?)", {i}));
  jobs.push_back(Close());
  jobs.push_back(Run("INSERT INTO t VALUES (99)"));
  client.worker().BeginClose();
  const std::vector<JobId> ids = client.SendAll(std::move(jobs));
  for (size_t i = 0; i <= 50; ++i) EXPECT(CodeOf(client.Await(ids[i])).empty());
  client.worker().Terminate();
  EXPECT(!client.outcomes().Has(ids[51]));
  Client after(file.path());
  EXPECT(after.Rows("SELECT count(*), max(n) FROM t") == "[[50,49]]");
}

TEST("a database is closed when its close is told: the WAL is in the file and gone") {
  TempFile file;
  Client client(file.path());
  client.Exec("CREATE TABLE t (n); INSERT INTO t VALUES (1)");
  EXPECT(CommitsInWal(file.path()) > 0);
  client.outcomes().OnPost([&](const std::vector<Outcome>&) { EXPECT(CommitsInWal(file.path()) == 0); });
  EXPECT(CodeOf(client.Do(Close())).empty());
}

TEST("BeginClose ends waiting for a lock that another connection holds") {
  Locked locked("CREATE TABLE t (n)");
  Client& client = locked.client;
  const JobId write = client.Send(Run("INSERT INTO t VALUES (1)"));
  client.AwaitStart();
  EXPECT(!client.outcomes().Has(write));
  client.worker().BeginClose();
  const JobId close = client.Send(Close());
  EXPECT(CodeOf(client.Await(write)) == "SQLITE_BUSY");
  EXPECT(CodeOf(client.Await(close)).empty());
}

TEST("Terminate interrupts a query that would run for ever, and joins") {
  Client client(":memory:");
  const JobId id = client.Send(Run(kEndless));
  client.AwaitStart();
  EXPECT(!client.outcomes().Has(id));
  client.worker().Terminate();
  EXPECT(CodeOf(client.Await(id)) == "SQLITE_INTERRUPT");
}

TEST("Terminate ends waiting for a lock, and takes no more jobs") {
  Locked locked("CREATE TABLE t (n)");
  Client& client = locked.client;
  const JobId waits = client.Send(Script("INSERT INTO t VALUES (1)"));
  const JobId queued = client.Send(Script("SELECT 1"));
  client.AwaitStart(1);
  client.worker().Terminate();
  EXPECT(CodeOf(client.Await(waits)) == "SQLITE_BUSY");
  EXPECT(!client.outcomes().Has(queued));
}

TEST("Terminate while a transaction is open leaves nothing of it behind") {
  TempFile file;
  {
    Client client(file.path());
    client.Exec("CREATE TABLE t (n)");
    const LaneId lane = NewLane();
    client.Must(Begin(lane, BeginMode::kImmediate));
    client.Must(In(lane, Run("INSERT INTO t VALUES (1)")));
    client.worker().Terminate();
  }
  Client after(file.path());
  EXPECT(after.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("a worker that is terminated at any moment joins, and what it has told is in the file") {
  for (int round = 0; round < 30; ++round) {
    TempFile file;
    std::vector<JobId> ids;
    std::vector<bool> told;
    {
      Client client(file.path());
      client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
      std::vector<JobPtr> jobs;
      for (int i = 0; i < 300; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?)", {i}));
      ids = client.SendAll(std::move(jobs));
      std::this_thread::sleep_for(std::chrono::microseconds(100 * round));
      client.worker().Terminate();
      for (const JobId id : ids)
        told.push_back(client.outcomes().Has(id) && CodeOf(client.Await(id)).empty());
    }
    Client after(file.path());
    for (size_t i = 0; i < told.size(); i += 7) {
      const std::string rows = after.Rows("SELECT count(*) FROM t WHERE n = ?", {static_cast<int>(i)});
      EXPECT(rows == (told[i] ? "[[1]]" : "[[0]]"));
    }
  }
}

TEST("an interrupt ends whatever runs as soon as the worker says that something does") {
  Client client(":memory:");
  for (int round = 0; round < 400; ++round) {
    const JobId id = client.Send(Cancellable(Run(kEndless)));
    for (int spins = 0; !client.worker().stats().running; ++spins) {
      if (spins > 100'000) std::this_thread::yield();  // it is a matter of less than a microsecond
    }
    client.worker().Interrupt();
    EXPECT(CodeOf(client.Await(id)) == "SQLITE_INTERRUPT");
    if (Failed()) return;
    while (client.worker().stats().running) std::this_thread::yield();
  }
}

TEST("an interrupt hits nothing that runs after the job that it was meant for") {
  Client client(":memory:");
  const JobId id = client.Send(Run(kEndless));
  client.AwaitStart();
  client.worker().Interrupt();
  EXPECT(CodeOf(client.Await(id)) == "SQLITE_INTERRUPT");
  const std::string counts =
      "SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) "
      "SELECT i FROM n)";
  EXPECT(client.Rows(counts) == "[[100000]]");
  client.worker().Interrupt();  // of nothing
  EXPECT(client.Rows(counts) == "[[100000]]");
}

TEST("a job whose deadline passes while it is queued fails without having run") {
  TempFile file;
  Client client(file.path());
  client.Exec("CREATE TABLE t (n)");
  std::vector<JobPtr> jobs;
  jobs.push_back(Within(milliseconds(60), Run(kEndless)));
  jobs.push_back(Within(milliseconds(30), Run("INSERT INTO t VALUES (1)")));
  const std::vector<JobId> ids = client.SendAll(std::move(jobs));
  EXPECT(CodeOf(client.Await(ids[1])) == "ERR_TIMEOUT");
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("a query that runs past its deadline is interrupted, and the next one is not") {
  Client client(":memory:");
  const Stopwatch watch;
  std::vector<JobPtr> jobs;
  jobs.push_back(Within(milliseconds(100), Run(kEndless)));
  jobs.push_back(All("SELECT 7"));
  const std::vector<JobId> ids = client.SendAll(std::move(jobs));
  EXPECT(CodeOf(client.Await(ids[0])) == "ERR_TIMEOUT");
  EXPECT(watch.elapsed() >= milliseconds(99));
  EXPECT(RowsOf(client.Await(ids[1])) == "[[7]]");
}

TEST("a write that runs past its deadline has changed nothing") {
  TempFile file;
  Client client(file.path());
  client.Exec("CREATE TABLE t (n)");
  const std::string endless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO t SELECT i FROM n";
  EXPECT(CodeOf(client.Do(Within(milliseconds(50), Run(endless)))) == "ERR_TIMEOUT");
  EXPECT(CodeOf(client.Do(Within(milliseconds(50), Batch({{"INSERT INTO t VALUES (1)"}, {endless}})))) ==
         "ERR_TIMEOUT");
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("a deadline ends waiting for a lock that another connection goes on holding") {
  Locked locked("CREATE TABLE t (n)");
  Client& client = locked.client;
  for (int form = 0; form < 4; ++form) {
    const Stopwatch watch;
    JobPtr job = form == 0   ? Run("INSERT INTO t VALUES (1)")
                 : form == 1 ? Batch({{"INSERT INTO t VALUES (1)"}, {"SELECT 1"}})
                 : form == 2 ? Script("INSERT INTO t VALUES (1)")
                             : Begin(NewLane(), BeginMode::kImmediate);
    EXPECT(CodeOf(client.Do(Within(milliseconds(150), std::move(job)))) == "ERR_TIMEOUT");
    EXPECT(watch.elapsed() >= milliseconds(149));
  }
  locked.Release();
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("a cancelled job that waits for a lock leaves") {
  Locked locked("CREATE TABLE t (n)");
  Client& client = locked.client;
  const JobId id = client.Send(Cancellable(Run("INSERT INTO t VALUES (1)")));
  client.AwaitStart();
  EXPECT(!client.queue().Cancel(id, true));
  EXPECT(CodeOf(client.Await(id)) == "ERR_CANCELLED");
}

TEST("a lock that does not go brings SQLITE_BUSY after the busy timeout, in either journal mode") {
  for (const char* mode : {"wal", "delete"}) {
    TempFile file;
    Settings settings;
    settings.journal_mode = mode;
    Client holder(file.path(), settings);
    settings.busy_timeout_ms = 300;
    Client client(file.path(), settings);
    holder.Exec("CREATE TABLE t (n); BEGIN IMMEDIATE");
    const Stopwatch watch;
    EXPECT(CodeOf(client.Do(Run("INSERT INTO t VALUES (1)"))) == "SQLITE_BUSY");
    EXPECT(watch.elapsed() >= milliseconds(295));
  }
}

TEST("a lock that goes in time is no error") {
  Locked locked("CREATE TABLE t (n)");
  Client& client = locked.client;
  const JobId id = client.Send(Run("INSERT INTO t VALUES (1)"));
  client.AwaitStart();
  std::this_thread::sleep_for(milliseconds(10));  // it naps between its tries
  EXPECT(!client.outcomes().Has(id));
  locked.Release();
  EXPECT(CodeOf(client.Await(id)).empty());
}

TEST("an open that fails tells why, and takes no jobs") {
  Client client("/no/such/folder/x.db");
  EXPECT(CodeOf(client.opened()) == "SQLITE_CANTOPEN");
  const JobId id = client.Send(Run("SELECT 1"));
  client.worker().Terminate();
  EXPECT(!client.outcomes().Has(id));
  EXPECT(client.queue().Drain(kMainLane) == std::vector<JobId>{id});
}

TEST("a worker counts what it has completed and what has failed") {
  Client client(":memory:");
  client.Must(Run("SELECT 1"));
  client.Must(Run("SELECT 1"));
  EXPECT(CodeOf(client.Do(Run("SELECT nothing"))) == "SQLITE_ERROR");
  const Worker::Stats stats = client.worker().stats();
  EXPECT(stats.completed == 3);  // and the open
  EXPECT(stats.failed == 1);
  EXPECT(stats.cache_hits >= 1);
}

TEST("a worker that is terminated while a group is told of its commit begins nothing that was behind it") {
  EXPECT(OnOneOfManyTries([] {
    const TempFile file;
    std::promise<void> posted;
    std::atomic<bool> first{true};
    Client client(file.path());
    client.Exec("CREATE TABLE t (n)");
    client.outcomes().OnPost([&](const std::vector<Outcome>&) {
      if (!first.exchange(false)) return;
      posted.set_value();
      std::this_thread::sleep_for(milliseconds(50));  // until Terminate has been called
    });
    std::vector<JobPtr> jobs;
    jobs.push_back(Run("INSERT INTO t VALUES (1)"));
    jobs.push_back(Run("INSERT INTO t VALUES (2)"));
    jobs.push_back(Script("CREATE TABLE late (n)"));  // taken from the queue, but no member
    client.SendAll(std::move(jobs));
    posted.get_future().wait();
    client.worker().Terminate();
    client.outcomes().OnPost(nullptr);
    Client after(file.path());
    EXPECT(after.Rows("SELECT count(*) FROM t") == "[[2]]");
    return after.Rows("SELECT count(*) FROM sqlite_schema WHERE name = 'late'") == "[[0]]";
  }));
}

}  // namespace aiosqlite::test

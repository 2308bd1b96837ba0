// Waiting for locks, and what ends it.
#include <thread>

#include "support.h"

namespace aiosqlite::test {
namespace {

// How long a job would wait with this limit.
milliseconds WaitAll(RunningJobs& running, milliseconds limit) {
  const Stopwatch watch;
  while (running.WaitForLock(limit, false)) {
  }
  return watch.elapsed();
}

}  // namespace

TEST("waiting ends when the limit is used up") {
  Local local;
  local.running().Set({});
  const milliseconds waited = WaitAll(local.running(), milliseconds(60));
  EXPECT(waited >= milliseconds(59));
  EXPECT(waited < milliseconds(3000));
}

TEST("a limit of 0 waits not at all") {
  Local local;
  local.running().Set({});
  EXPECT(!local.running().WaitForLock(milliseconds(0), true));
}

TEST("waiting ends with the earliest deadline of the jobs that wait together") {
  Local local;
  const Stopwatch watch;
  const JobPtr early = Within(milliseconds(60), Run("x"));
  const JobPtr late = Within(milliseconds(20000), Run("x"));
  local.running().Set({late.get(), early.get()});
  WaitAll(local.running(), milliseconds(10000));
  EXPECT(watch.elapsed() >= milliseconds(60));
  EXPECT(watch.elapsed() < milliseconds(3000));
  EXPECT(local.running().ShouldStop() == Stop::kDeadline);
}

TEST("waiting does not begin for a job that is cancelled, or while closing or stopped") {
  Local local;
  const JobPtr job = Cancellable(Run("x"));
  local.running().Set({job.get()});
  EXPECT(local.running().WaitForLock(milliseconds(1000), true));
  job->cancelled = true;
  EXPECT(!local.running().WaitForLock(milliseconds(1000), true));
  EXPECT(local.running().ShouldStop() == Stop::kCancelled);
  job->cancelled = false;
  local.closing = true;
  EXPECT(!local.running().WaitForLock(milliseconds(1000), true));
  EXPECT(local.running().ShouldStop() == Stop::kNone);  // what runs may finish
  local.closing = false;
  local.stopped = true;
  EXPECT(!local.running().WaitForLock(milliseconds(1000), true));
  EXPECT(local.running().ShouldStop() == Stop::kClosing);
}

TEST("jobs that stay when one of them has left do not wait from zero again") {
  EXPECT(OnOneOfManyTries([] {
    constexpr milliseconds kLimit(300);
    Local local;
    const JobPtr leaves = Within(milliseconds(250), Run("x"));
    const JobPtr stays = Run("x");
    local.running().Set({leaves.get(), stays.get()});
    EXPECT(local.running().WaitForLock(kLimit, true));
    WaitAll(local.running(), kLimit);
    local.running().Narrow({stays.get()});
    const Stopwatch watch;
    if (local.running().WaitForLock(kLimit, true)) WaitAll(local.running(), kLimit);
    return watch.elapsed() < kLimit / 2;
  }));
}

TEST("each lock that a job meets may take the whole busy timeout, however long ago the last one was") {
  TempFile file;
  Client holder(file.path());
  holder.Exec("CREATE TABLE t (n)");
  Settings settings;
  settings.busy_timeout_ms = 1000;
  Local local(file.path(), settings);
  const JobPtr job = Run("INSERT INTO t VALUES (1)");
  local.running().Set({job.get()});
  for (int lock = 0; lock < 2; ++lock) {
    if (lock > 0) std::this_thread::sleep_for(milliseconds(1000));
    holder.Exec("BEGIN IMMEDIATE");
    std::thread opener([&] {
      std::this_thread::sleep_for(milliseconds(60));
      holder.Exec("COMMIT");
    });
    Outcome outcome;
    EXPECT(!local->Run(*job, outcome));
    opener.join();
  }
}

TEST("a user's PRAGMA busy_timeout sets how long we wait, and leaves the waiting to us") {
  TempFile file;
  Client holder(file.path());
  Client client(file.path());
  holder.Exec("CREATE TABLE t (n); BEGIN IMMEDIATE");
  for (const char* sql : {"PRAGMA busy_timeout = 200", "PRAGMA main.\"busy_timeout\" = 150"}) {
    const std::string set = client.Rows(sql);
    EXPECT(client.Rows("PRAGMA busy_timeout") == set);
    const Stopwatch watch;
    EXPECT(CodeOf(client.Do(Run("INSERT INTO t VALUES (1)"))) == "SQLITE_BUSY");
    EXPECT(watch.elapsed() >= milliseconds(145));
    EXPECT(watch.elapsed() < milliseconds(3000));
    EXPECT(client.Rows("PRAGMA busy_timeout = 1") == "[[1]]");
  }

  for (int again = 0; again < 2; ++again) EXPECT(client.Rows("PRAGMA busy_timeout = 20000") == "[[20000]]");
  const Stopwatch closing;
  const JobId waits = client.Send(Run("INSERT INTO t VALUES (1)"));
  std::this_thread::sleep_for(milliseconds(50));
  client.worker().BeginClose();
  EXPECT(CodeOf(client.Await(waits)) == "SQLITE_BUSY");
  EXPECT(closing.elapsed() < milliseconds(3000));
}

TEST("no way of writing PRAGMA busy_timeout leaves the waiting to SQLite, which is deaf to closing") {
  for (const char* sql : {"PRAGMA main.busy_timeout = 20000", "EXPLAIN PRAGMA busy_timeout = 20000",
                          "/* */ PRAGMA busy_timeout(20000)"}) {
    TempFile file;
    Client holder(file.path());
    Client client(file.path());
    holder.Exec("CREATE TABLE t (n); BEGIN IMMEDIATE");
    client.Must(Run(sql));
    const JobId waits = client.Send(Run("INSERT INTO t VALUES (1)"));
    std::this_thread::sleep_for(milliseconds(20));
    const Stopwatch closing;
    client.worker().BeginClose();
    EXPECT(CodeOf(client.Await(waits)) == "SQLITE_BUSY");
    EXPECT(closing.elapsed() < milliseconds(2000));
  }
}

TEST("a statement waits for the schema of a shared cache, too, which no busy handler is asked for") {
  const std::string file = "file:busy-test?mode=memory&cache=shared";
  Client holder(file);
  Client client(file);
  holder.Exec("CREATE TABLE t (n); BEGIN; CREATE TABLE other (n)");
  const JobId waits = client.Send(All("SELECT count(*) FROM t"));
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT(!client.outcomes().Has(waits));
  holder.Exec("COMMIT");
  EXPECT(RowsOf(client.Await(waits)) == "[[0]]");
}

TEST("the busy timeout of the options is what PRAGMA busy_timeout tells") {
  Settings settings;
  settings.busy_timeout_ms = 1234;
  Client client(":memory:", settings);
  EXPECT(client.Rows("PRAGMA busy_timeout") == "[[1234]]");
}

}  // namespace aiosqlite::test

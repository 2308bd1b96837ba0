// Waiting for locks, and what ends it.
#include <thread>

#include "support.h"

namespace aiosqlite::test {
namespace {

// Waits as long as a job would with this limit. How many naps that took: each takes a millisecond at least.
int WaitAll(RunningJobs& running, milliseconds limit) {
  int naps = 0;
  while (running.WaitForLock(limit, false)) ++naps;
  return naps;
}

}  // namespace

TEST("waiting ends when the limit is used up") {
  Local local;
  local.running().Set({});
  const Stopwatch watch;
  EXPECT(WaitAll(local.running(), milliseconds(60)) <= 60);
  EXPECT(watch.elapsed() >= milliseconds(59));
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
  EXPECT(WaitAll(local.running(), milliseconds(10000)) <= 60);
  EXPECT(watch.elapsed() >= milliseconds(60));
  EXPECT(local.running().ShouldStop() == Stop::kDeadline);
}

TEST("waiting does not begin for a job that is cancelled, or when stopped") {
  Local local;
  const JobPtr job = Cancellable(Run("x"));
  local.running().Set({job.get()});
  EXPECT(local.running().WaitForLock(milliseconds(1000), true));
  job->cancelled = true;
  EXPECT(!local.running().WaitForLock(milliseconds(1000), true));
  EXPECT(local.running().ShouldStop() == Stop::kCancelled);
  job->cancelled = false;
  local.stopped = true;
  EXPECT(!local.running().WaitForLock(milliseconds(1000), true));
  EXPECT(local.running().ShouldStop() == Stop::kClosing);
}

TEST("a connection that closes waits for locks for a moment altogether") {
  Local local;
  local.running().Set({});
  local.closing = true;
  // A reader of the same process may hold the write lock for as long as it takes to read the WAL-index again.
  EXPECT(local.running().WaitForLock(milliseconds(kForeverMs), true));
  EXPECT(WaitAll(local.running(), milliseconds(kForeverMs)) <= RunningJobs::kClosingWait.count());
  EXPECT(!local.running().WaitForLock(milliseconds(kForeverMs), true));
  EXPECT(local.running().ShouldStop() == Stop::kNone);  // a running job may finish
}

TEST("jobs that stay when one of them has left do not wait from zero again") {
  constexpr milliseconds kLimit(300);
  Local local;
  const Stopwatch watch;
  const JobPtr leaves = Within(milliseconds(250), Run("x"));
  const JobPtr stays = Run("x");
  local.running().Set({leaves.get(), stays.get()});
  EXPECT(local.running().WaitForLock(kLimit, true));
  WaitAll(local.running(), kLimit);
  local.running().Narrow({stays.get()});
  // 50 ms are left of the limit. From zero, 300 ms of naps of at most 5 ms each.
  int naps = 0;
  if (local.running().WaitForLock(kLimit, true)) naps = 1 + WaitAll(local.running(), kLimit);
  EXPECT(naps <= 50);
  EXPECT(watch.elapsed() >= milliseconds(299));
}

TEST("each lock that a job meets may take the whole busy timeout, however long ago the last one was") {
  TempFile file;
  Client holder(file.path());
  holder.Exec("CREATE TABLE t (n)");
  // A slow machine may need another try. Were the first wait's beginning kept, none would succeed.
  EXPECT(OnOneOfManyTries([&] {
    Settings settings;
    settings.busy_timeout_ms = 500;
    Local local(file.path(), settings);
    const JobPtr job = Run("INSERT INTO t VALUES (1)");
    local.running().Set({job.get()});
    bool succeeded = true;
    for (int lock = 0; lock < 2; ++lock) {
      if (lock > 0) std::this_thread::sleep_for(milliseconds(500));
      holder.Exec("BEGIN IMMEDIATE");
      std::thread opener([&] {
        std::this_thread::sleep_for(milliseconds(20));
        holder.Exec("COMMIT");
      });
      Outcome outcome;
      succeeded = !local.runner().Run(*job, outcome) && succeeded;
      opener.join();
    }
    return succeeded;
  }));
}

TEST("a user's PRAGMA busy_timeout sets how long we wait, and leaves the waiting to us") {
  Locked locked("CREATE TABLE t (n)");
  Client& client = locked.client;
  for (const char* sql : {"PRAGMA busy_timeout = 200", "PRAGMA main.\"busy_timeout\" = 150"}) {
    const std::string set = client.Rows(sql);
    EXPECT(client.Rows("PRAGMA busy_timeout") == set);
    const Stopwatch watch;
    EXPECT(CodeOf(client.Do(Run("INSERT INTO t VALUES (1)"))) == "SQLITE_BUSY");
    EXPECT(watch.elapsed() >= milliseconds(145));
    EXPECT(client.Rows("PRAGMA busy_timeout = 1") == "[[1]]");
  }

  for (int again = 0; again < 2; ++again) EXPECT(client.Rows("PRAGMA busy_timeout = 600000") == "[[600000]]");
  const JobId waits = client.Send(Run("INSERT INTO t VALUES (1)"));
  client.AwaitStart();
  client.worker().BeginClose();
  EXPECT(CodeOf(client.Await(waits)) == "SQLITE_BUSY");
}

TEST("no way of writing PRAGMA busy_timeout leaves the waiting to SQLite, which is deaf to closing") {
  for (const char* sql : {"PRAGMA main.busy_timeout = 600000", "EXPLAIN PRAGMA busy_timeout = 600000",
                          "/* */ PRAGMA busy_timeout(600000)"}) {
    Locked locked("CREATE TABLE t (n)");
    Client& client = locked.client;
    client.Must(Run(sql));
    const JobId waits = client.Send(Run("INSERT INTO t VALUES (1)"));
    client.AwaitStart();
    std::this_thread::sleep_for(milliseconds(10));  // into the wait itself
    client.worker().BeginClose();
    EXPECT(CodeOf(client.Await(waits)) == "SQLITE_BUSY");
  }
}

TEST("a statement waits for the schema of a shared cache, too, which no busy handler is asked for") {
  const std::string file = "file:busy-test?mode=memory&cache=shared";
  Client holder(file);
  Client client(file);
  holder.Exec("CREATE TABLE t (n); BEGIN; CREATE TABLE other (n)");
  const JobId waits = client.Send(All("SELECT count(*) FROM t"));
  client.AwaitStart();
  std::this_thread::sleep_for(milliseconds(10));  // it naps between its tries
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

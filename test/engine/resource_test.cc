// Resources that stay open between jobs (cursors, blobs, backups), and requests to the connection itself.
#include <functional>
#include <thread>

#include "engine/features/backup.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr char kNumbers[] =
    "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 10) INSERT INTO t SELECT i FROM r";

struct Fixture {
  TempFile file;
  Client client{file.path()};
  Fixture() { client.Exec(std::string("CREATE TABLE t (n INTEGER PRIMARY KEY);") + kNumbers); }

  JobId OpenCursorOn(const std::string& sql, int batch_size) {
    const JobId id = client.Send(OpenCursor(batch_size, {sql, {}, RowMode::kArray}));
    EXPECT(CodeOf(client.Await(id)).empty());
    return id;
  }
  Outcome Next(JobId cursor) { return client.Do(Ask(Request::kNextCursor, {static_cast<int>(cursor)})); }
  void Close(JobId resource) { client.Must(Ask(Request::kCloseResource, {static_cast<int>(resource)})); }
};

}  // namespace

TEST("a cursor gives its rows batch by batch, and ends") {
  Fixture f;
  const JobId cursor = f.client.Send(OpenCursor(4, {"SELECT n FROM t ORDER BY n", {}, RowMode::kArray}));
  const Outcome first = f.client.Await(cursor);
  EXPECT(RowsOf(first) == "[[1],[2],[3],[4]]" && !first.done);
  EXPECT(RowsOf(f.Next(cursor)) == "[[5],[6],[7],[8]]");
  const Outcome last = f.Next(cursor);
  EXPECT(RowsOf(last) == "[[9],[10]]" && last.done);
  EXPECT(CodeOf(f.Next(cursor)) == "ERR_CLOSED");
}

TEST("other calls run between a cursor's batches, groups of writes too, and it sees its own snapshot") {
  Fixture f;
  const JobId cursor = f.OpenCursorOn("SELECT n FROM t ORDER BY n", 2);
  std::vector<JobPtr> jobs;
  for (int i = 100; i < 104; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?)", {i}));
  for (const Outcome& outcome : f.client.AwaitAll(f.client.SendAll(std::move(jobs))))
    EXPECT(CodeOf(outcome).empty());
  Client other(f.file.path());
  EXPECT(other.Rows("SELECT count(*) FROM t") == "[[14]]");
  EXPECT(RowsOf(f.Next(cursor)) == "[[3],[4]]");
  f.Close(cursor);
}

TEST("a cursor is for reads: what writes is refused before it has done anything") {
  Fixture f;
  for (const char* sql :
       {"DELETE FROM t RETURNING n", "CREATE TABLE z (n)", "PRAGMA user_version = 5", "BEGIN"})
    EXPECT(CodeOf(f.client.Do(OpenCursor(1, {sql}))) == "ERR_NOT_A_READ");
  EXPECT(f.client.Rows("SELECT count(*) FROM t") == "[[10]]");
  EXPECT(f.client.Rows("PRAGMA user_version") == "[[0]]");
}

TEST("a write behind an open cursor waits for a lock that another connection holds") {
  Fixture f;
  Client holder(f.file.path());
  const JobId cursor = f.OpenCursorOn("SELECT n FROM t ORDER BY n", 2);
  holder.Exec("BEGIN IMMEDIATE");
  std::vector<JobPtr> jobs;
  for (int i = 100; i < 103; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?)", {i}));
  const std::vector<JobId> ids = f.client.SendAll(std::move(jobs));
  f.client.AwaitStart(2);
  std::this_thread::sleep_for(milliseconds(10));  // it naps between its tries
  EXPECT(!f.client.outcomes().Has(ids[0]));
  holder.Exec("ROLLBACK");
  for (const JobId id : ids) EXPECT(CodeOf(f.client.Await(id)).empty());
  EXPECT(RowsOf(f.Next(cursor)) == "[[3],[4]]");
}

TEST(
    "if another connection commits meanwhile, a write answers SQLITE_BUSY_SNAPSHOT without waiting and says "
    "why") {
  Fixture f;
  Client other(f.file.path());
  const JobId cursor = f.OpenCursorOn("SELECT n FROM t ORDER BY n", 2);
  other.Exec("INSERT INTO t VALUES (50)");
  const Outcome outcome = f.client.Do(Run("INSERT INTO t VALUES (100)"));
  EXPECT(CodeOf(outcome) == "SQLITE_BUSY_SNAPSHOT");
  EXPECT(FailureOf(outcome).message.find("iterator") != std::string::npos);
  std::vector<JobPtr> jobs;
  for (int i = 100; i < 103; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?)", {i}));
  for (const Outcome& one : f.client.AwaitAll(f.client.SendAll(std::move(jobs))))
    EXPECT(CodeOf(one) == "SQLITE_BUSY_SNAPSHOT");
  f.Close(cursor);
  f.client.Must(Run("INSERT INTO t VALUES (100)"));
}

TEST("a cursor that was opened in a transaction ends with it") {
  Fixture f;
  const LaneId lane = NewLane();
  f.client.Must(Begin(lane, BeginMode::kDeferred));
  const JobId cursor = f.client.Send(In(lane, OpenCursor(1, {"SELECT n FROM t", {}, RowMode::kArray})));
  EXPECT(CodeOf(f.client.Await(cursor)).empty());
  f.client.Must(In(lane, Run("INSERT INTO t VALUES (77)")));
  f.client.Must(End(lane, EndMode::kCommit));
  EXPECT(CodeOf(f.Next(cursor)) == "ERR_CLOSED");
  EXPECT(f.client.Rows("SELECT count(*) FROM t") == "[[11]]");
}

TEST("a cursor's query that runs past its deadline is interrupted, and it is closed") {
  Fixture f;
  const std::string endless = std::string(kEndless);
  EXPECT(CodeOf(f.client.Do(Within(milliseconds(50), OpenCursor(1, {endless, {}, RowMode::kArray})))) ==
         "ERR_TIMEOUT");
  f.client.Must(Run("INSERT INTO t VALUES (77)"));
}

TEST("closing with a cursor, a blob and a backup open closes the database all the same") {
  Fixture f;
  TempFile copy;
  f.client.Exec("CREATE TABLE b (x); INSERT INTO b VALUES (zeroblob(10))");
  f.OpenCursorOn("SELECT n FROM t", 1);
  f.client.Must(Ask(Request::kOpenBlob, {"main", "b", "x", 1, 0}));
  f.client.Must(Ask(Request::kOpenBackup, {copy.path(), 0}));
  f.client.worker().BeginClose();
  EXPECT(CodeOf(f.client.Do(Close())).empty());
  EXPECT(CommitsInWal(f.file.path()) == 0);  // the last connection has closed: the WAL is gone
}

TEST("a resource that is another kind than is asked for goes for one that is closed") {
  Fixture f;
  f.client.Exec("CREATE TABLE b (x); INSERT INTO b VALUES (zeroblob(10))");
  const JobId blob = f.client.Send(Ask(Request::kOpenBlob, {"main", "b", "x", 1, 0}));
  EXPECT(CodeOf(f.client.Await(blob)).empty());
  EXPECT(CodeOf(f.Next(blob)) == "ERR_CLOSED");
  EXPECT(CodeOf(f.client.Do(Ask(Request::kReadRecorder, {static_cast<int>(blob), 0}))) == "ERR_CLOSED");
  EXPECT(CodeOf(f.client.Do(Ask(Request::kReadBlob, {static_cast<int>(blob), 0, 10}))).empty());
}

TEST("writes beside an open writable blob are committed when they are told, alone and in a group") {
  Fixture f;
  Client other(f.file.path());
  f.client.Exec("CREATE TABLE b (x); INSERT INTO b VALUES (zeroblob(10))");
  const JobId blob = f.client.Send(Ask(Request::kOpenBlob, {"main", "b", "x", 1, 1}));
  EXPECT(CodeOf(f.client.Await(blob)).empty());
  f.client.Must(Ask(Request::kWriteBlob, {static_cast<int>(blob), 0, Blob{"abc"}}));
  EXPECT(other.Rows("SELECT hex(substr(x, 1, 4)) FROM b") == R"([["61626300"]])");
  f.client.Must(Run("INSERT INTO t VALUES (100)"));
  EXPECT(other.Rows("SELECT count(*) FROM t") == "[[11]]");
  std::vector<JobPtr> jobs;
  for (int i = 101; i < 104; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?)", {i}));
  for (const Outcome& outcome : f.client.AwaitAll(f.client.SendAll(std::move(jobs))))
    EXPECT(CodeOf(outcome).empty());
  EXPECT(other.Rows("SELECT count(*) FROM t") == "[[14]]");
  f.client.Must(Ask(Request::kWriteBlob, {static_cast<int>(blob), 3, Blob{"d"}}));
  f.Close(blob);
  EXPECT(f.client.Rows("SELECT hex(substr(x, 1, 4)) FROM b") == R"([["61626364"]])");
}

TEST("a backup waits for a lock within the busy timeout, and answers SQLITE_BUSY then") {
  TempFile file;
  TempFile copy;
  Settings settings;
  settings.journal_mode = "delete";
  settings.busy_timeout_ms = 200;
  Client client(file.path(), settings);
  client.Exec("CREATE TABLE t (n); INSERT INTO t VALUES (1)");
  Client holder(file.path(), settings);
  const JobId backup = client.Send(Ask(Request::kOpenBackup, {copy.path(), 0}));
  EXPECT(CodeOf(client.Await(backup)).empty());
  holder.Exec("BEGIN EXCLUSIVE");
  const Stopwatch watch;
  EXPECT(
      CodeOf(client.Do(Ask(Request::kStepBackup, {static_cast<int>(backup), -1}))).rfind("SQLITE_BUSY", 0) ==
      0);
  EXPECT(watch.elapsed() >= milliseconds(195));
  EXPECT(
      client.Do(Ask(Request::kStepBackup, {static_cast<int>(backup), -1})).failure.has_value());  // no crash
  holder.Exec("COMMIT");
  const JobId again = client.Send(Ask(Request::kOpenBackup, {copy.path(), 0}));
  EXPECT(CodeOf(client.Await(again)).empty());
  EXPECT(client.Must(Ask(Request::kStepBackup, {static_cast<int>(again), -1})).done);
  Client copied(copy.path(), settings);
  EXPECT(copied.Rows("SELECT n FROM t") == "[[1]]");
}

TEST("a backup and a restore wait once for a lock of the database") {
  TempFile file;
  TempFile other;
  Settings settings;
  settings.journal_mode = "delete";
  settings.busy_timeout_ms = 100;
  Local local(file.path(), settings);
  Client holder(file.path(), settings);
  holder.Exec("CREATE TABLE t (n)");
  Client(other.path(), settings).Exec("CREATE TABLE t (n)");
  holder.Exec("BEGIN EXCLUSIVE");
  // The wait is over when it begins. Another one would begin later.
  const auto since = Clock::now() - milliseconds(settings.busy_timeout_ms);
  const auto waits_once = [&](const std::function<std::optional<Failure>()>& work) {
    local.running().Set({});
    local.running().Resume(since);
    const auto failure = work();
    return failure && failure->code.rfind("SQLITE_BUSY", 0) == 0 && local.running().waiting_since() == since;
  };
  Outcome outcome;
  const JobPtr restore = Ask(Request::kRestore, {other.path()});
  EXPECT(waits_once([&] { return Restore(*local, *restore, outcome); }));
  TempFile copy;
  Backup backup(*local, 0);
  EXPECT(!backup.Open(copy.path()));
  EXPECT(waits_once([&] { return backup.Step(-1, outcome); }));
}

TEST("a backup's copy counts as in use from its first step to its last") {
  Fixture f;
  TempFile copy;
  TempFile idle;
  Client other(idle.path());
  f.client.Exec("CREATE TABLE b (x); INSERT INTO b VALUES (zeroblob(100000))");
  const auto in_use = [&] {
    TempFile unused;
    const JobId opened =
        other.Send(Ask(Request::kOpenBackup, {unused.path(), 3, copy.path(), idle.path(), "none"}));
    const std::string info = other.Await(opened).info;
    other.Must(Ask(Request::kCloseResource, {static_cast<int>(opened)}));
    return info;
  };
  const JobId backup = f.client.Send(Ask(Request::kOpenBackup, {copy.path(), 0}));
  EXPECT(f.client.Await(backup).info == "[]");
  EXPECT(!f.client.Must(Ask(Request::kStepBackup, {static_cast<int>(backup), 1})).done);
  EXPECT(in_use() == "[true,false,false]");
  EXPECT(f.client.Must(Ask(Request::kStepBackup, {static_cast<int>(backup), -1})).done);
  EXPECT(in_use() == "[false,false,false]");
}

TEST("an authorizer's rules never forbid our own statements, even after SQLite has prepared them anew") {
  Fixture f;
  constexpr int kTransaction = 22;  // sqlite.org/c3ref/c_alter_table.html
  constexpr int kSavepoint = 32;
  const auto insert = [&] {
    std::vector<JobPtr> jobs;
    for (int i = 0; i < 3; ++i) jobs.push_back(Run("INSERT INTO t VALUES (NULL)"));
    for (const Outcome& outcome : f.client.AwaitAll(f.client.SendAll(std::move(jobs))))
      EXPECT(CodeOf(outcome).empty());
    f.client.Must(Batch({{"INSERT INTO t VALUES (NULL)"}, {"SELECT 1"}}));
    const LaneId lane = NewLane();
    f.client.Must(Begin(lane, BeginMode::kImmediate));
    f.client.Must(In(lane, Run("INSERT INTO t VALUES (NULL)")));
    f.client.Must(End(lane, EndMode::kCommit));
  };
  insert();
  f.client.Must(Ask(Request::kAuthorize, {0, 2, 0, kTransaction, "", "", "", 0, kSavepoint, "", "", ""}));
  EXPECT(CodeOf(f.client.Do(Run("BEGIN"))) == "SQLITE_AUTH");
  EXPECT(CodeOf(f.client.Do(Run("SAVEPOINT s"))) == "SQLITE_AUTH");
  insert();
  f.client.Exec("CREATE INDEX i ON t (n)");  // every statement expires
  insert();
}

TEST("describing a statement runs none of it, not even a PRAGMA") {
  Fixture f;
  f.client.Do(Ask(Request::kDescribe, {"PRAGMA foreign_keys = 0"}));
  EXPECT(f.client.Rows("PRAGMA foreign_keys") == "[[1]]");
  const Outcome outcome = f.client.Must(Ask(Request::kDescribe, {"SELECT n AS m, ?1 FROM t WHERE n = :x"}));
  EXPECT(outcome.info.find("\"parameters\":[\"?1\",\":x\"]") != std::string::npos);
  EXPECT(outcome.info.find("\"column\":\"n\"") != std::string::npos);
}

}  // namespace aiosqlite::test

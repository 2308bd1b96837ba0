// A group that can't have the lock: another connection or another process holds it.
#include <thread>

#include "support.h"

namespace aiosqlite::test {
namespace {

// How many outcomes the worker told at once, time after time.
class Posts {
 public:
  explicit Posts(Client& client) {
    client.outcomes().OnPost(
        [this](const std::vector<Outcome>& outcomes) { sizes_.push_back(outcomes.size()); });
  }
  // Once all of them have been awaited.
  const std::vector<size_t>& sizes() const { return sizes_; }

 private:
  std::vector<size_t> sizes_;
};

constexpr char kTable[] = "CREATE TABLE t (n INTEGER PRIMARY KEY, x)";

std::vector<JobPtr> Inserts(int count) {
  std::vector<JobPtr> jobs;
  for (int i = 0; i < count; ++i) jobs.push_back(Run("INSERT INTO t VALUES (?, 'x')", {i}));
  return jobs;
}

Settings Patient(int busy_timeout_ms, const std::string& journal_mode = "wal") {
  Settings settings;
  settings.busy_timeout_ms = busy_timeout_ms;
  settings.journal_mode = journal_mode;
  return settings;
}

}  // namespace

TEST("while another process holds the lock, all of a group answer SQLITE_BUSY once, after one busy timeout") {
  TempFile file;
  Client client(file.path(), Patient(300));
  client.Exec(kTable);
  const Posts posts(client);
  const OtherProcess other(file.path());
  const Stopwatch watch;
  const std::vector<JobId> ids = client.SendAll(Inserts(20));
  for (const Outcome& outcome : client.AwaitAll(ids)) EXPECT(CodeOf(outcome) == "SQLITE_BUSY");
  EXPECT(watch.elapsed() >= milliseconds(295));
  EXPECT(posts.sizes() == std::vector<size_t>{20});  // not one after another
  for (const JobId id : ids) EXPECT(client.outcomes().Times(id) == 1);
}

TEST("a group whose lock comes free in time commits, however many waited") {
  TempFile file;
  Client client(file.path());
  client.Exec(kTable);
  std::vector<JobId> ids;
  {
    const OtherProcess other(file.path());
    ids = client.SendAll(Inserts(20));
    client.AwaitStart(19);
    std::this_thread::sleep_for(milliseconds(10));  // it naps between its tries
    EXPECT(!client.outcomes().Has(ids[0]));
  }
  for (const Outcome& outcome : client.AwaitAll(ids)) EXPECT(CodeOf(outcome).empty());
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[20]]");
}

TEST("a member with a shorter deadline leaves, and the rest succeeds when the lock goes") {
  Locked locked(kTable);
  Client& client = locked.client;
  std::vector<JobPtr> jobs = Inserts(5);
  jobs[0] = Within(milliseconds(100), std::move(jobs[0]));
  jobs[3] = Within(milliseconds(kForeverMs), std::move(jobs[3]));
  const Stopwatch watch;
  const std::vector<JobId> ids = client.SendAll(std::move(jobs));
  EXPECT(CodeOf(client.Await(ids[0])) == "ERR_TIMEOUT");
  EXPECT(watch.elapsed() >= milliseconds(99));
  EXPECT(!client.outcomes().Has(ids[1]));
  locked.Release();
  for (const size_t i : {1, 2, 3, 4}) EXPECT(CodeOf(client.Await(ids[i])).empty());
  EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[2],[3],[4]]");
}

TEST("a job that waits behind a group for the lock can be taken back") {
  Locked locked(kTable);
  Client& client = locked.client;
  std::vector<JobPtr> jobs = Inserts(5);
  for (JobPtr& job : jobs) job = Cancellable(std::move(job));
  const std::vector<JobId> ids = client.SendAll(std::move(jobs));
  client.AwaitStart(4);
  EXPECT(client.queue().Cancel(ids[2], true));
  EXPECT(!client.queue().Cancel(ids[0], true));  // it is the one that asks for the lock
  EXPECT(CodeOf(client.Await(ids[0])) == "ERR_CANCELLED");
  locked.Release();
  for (const size_t i : {1, 3, 4}) EXPECT(CodeOf(client.Await(ids[i])).empty());
  EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[1],[3],[4]]");
}

TEST("when the job that asks for the lock has left, those behind it wait one busy timeout together") {
  Locked locked(kTable, Patient(300));
  Client& client = locked.client;
  std::vector<JobPtr> jobs = Inserts(20);
  jobs[0] = Within(milliseconds(200), std::move(jobs[0]));
  const Posts posts(client);
  const Stopwatch watch;
  const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
  EXPECT(CodeOf(outcomes[0]) == "ERR_TIMEOUT");
  for (size_t i = 1; i < outcomes.size(); ++i) EXPECT(CodeOf(outcomes[i]) == "SQLITE_BUSY");
  EXPECT(watch.elapsed() >= milliseconds(295));
  EXPECT(posts.sizes() == (std::vector<size_t>{1, 19}));
}

TEST("what comes while a group waits in vain gets a busy timeout of its own") {
  Locked locked(kTable, Patient(300));
  Client& client = locked.client;
  const std::vector<JobId> first = client.SendAll(Inserts(3));
  std::this_thread::sleep_for(milliseconds(150));
  const Stopwatch watch;
  const JobId later = client.Send(Run("INSERT INTO t VALUES (100, 'later')"));
  EXPECT(CodeOf(client.Await(first[2])) == "SQLITE_BUSY");
  EXPECT(CodeOf(client.Await(later)) == "SQLITE_BUSY");
  EXPECT(watch.elapsed() >= milliseconds(295));
}

TEST("closing ends a group's waiting, with SQLITE_BUSY for all") {
  Locked locked(kTable);
  Client& client = locked.client;
  const std::vector<JobId> ids = client.SendAll(Inserts(6));
  client.AwaitStart(5);
  client.worker().BeginClose();
  const JobId close = client.Send(Close());
  for (const JobId id : ids) EXPECT(CodeOf(client.Await(id)) == "SQLITE_BUSY");
  EXPECT(CodeOf(client.Await(close)).empty());
}

TEST(
    "with a rollback journal, COMMIT waits for readers within the busy timeout, then all answer "
    "SQLITE_BUSY") {
  TempFile file;
  Client client(file.path(), Patient(300, "delete"));
  client.Exec(kTable);
  Client reader(file.path(), Patient(kForeverMs, "delete"));
  reader.Exec("BEGIN; SELECT * FROM t");
  reader.Rows("SELECT count(*) FROM t");
  const Stopwatch watch;
  for (const Outcome& outcome : client.AwaitAll(client.SendAll(Inserts(5))))
    EXPECT(CodeOf(outcome) == "SQLITE_BUSY");
  EXPECT(watch.elapsed() >= milliseconds(295));
  reader.Exec("COMMIT");
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[0]]");
  for (const Outcome& outcome : client.AwaitAll(client.SendAll(Inserts(5)))) EXPECT(CodeOf(outcome).empty());
}

TEST("members that leave one after another while COMMIT waits don't make the rest wait anew") {
  // A slow machine may need another try. Were the wait begun anew when one leaves, it would outlast the last
  // deadline every time.
  EXPECT(OnOneOfManyTries([] {
    TempFile file;
    Client client(file.path(), Patient(500, "delete"));
    client.Exec(kTable);
    Client reader(file.path(), Patient(kForeverMs, "delete"));
    reader.Exec("BEGIN");
    reader.Rows("SELECT count(*) FROM t");
    std::vector<JobPtr> jobs = Inserts(5);
    jobs[1] = Within(milliseconds(100), std::move(jobs[1]));
    jobs[2] = Within(milliseconds(250), std::move(jobs[2]));
    jobs[3] = Within(milliseconds(400), std::move(jobs[3]));
    jobs[4] = Within(milliseconds(800), std::move(jobs[4]));
    std::string codes;
    for (const Outcome& outcome : client.AwaitAll(client.SendAll(std::move(jobs))))
      codes += CodeOf(outcome) + ' ';
    return codes == "SQLITE_BUSY ERR_TIMEOUT ERR_TIMEOUT ERR_TIMEOUT SQLITE_BUSY ";
  }));
}

TEST("a commit that did not come about counts for nobody, not for what runs next either") {
  TempFile file;
  Client client(file.path(), Patient(50, "delete"));
  client.Exec(kTable);
  Client reader(file.path(), Patient(kForeverMs, "delete"));
  reader.Exec("BEGIN");
  reader.Rows("SELECT count(*) FROM t");
  for (const Outcome& outcome : client.AwaitAll(client.SendAll(Inserts(4)))) {
    EXPECT(CodeOf(outcome) == "SQLITE_BUSY");
    EXPECT(!outcome.counts_commit);
  }
  EXPECT(!client.Must(All("SELECT 1")).counts_commit);
  EXPECT(CodeOf(client.Do(Run("INSERT INTO t VALUES (9, 'x')"))) == "SQLITE_BUSY");
  EXPECT(!client.Must(Script("SELECT 1")).counts_commit);
}

TEST("with a rollback journal, a member cancelled while COMMIT waits is undone, and the rest commits") {
  EXPECT(OnOneOfManyTries([] {
    TempFile file;
    Client client(file.path(), Patient(kForeverMs, "delete"));
    client.Exec(kTable);
    Client reader(file.path(), Patient(kForeverMs, "delete"));
    reader.Exec("BEGIN");
    reader.Rows("SELECT count(*) FROM t");
    std::vector<JobPtr> jobs = Inserts(3);
    jobs[1] = Cancellable(std::move(jobs[1]));
    const std::vector<JobId> ids = client.SendAll(std::move(jobs));
    std::this_thread::sleep_for(milliseconds(60));
    const bool queued = client.queue().Cancel(ids[1], true);  // the group was slow: it waits without this one
    if (!queued) EXPECT(CodeOf(client.Await(ids[1])) == "ERR_CANCELLED");
    EXPECT(!client.outcomes().Has(ids[0]));
    reader.Exec("COMMIT");
    EXPECT(CodeOf(client.Await(ids[0])).empty());
    EXPECT(CodeOf(client.Await(ids[2])).empty());
    EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[0],[2]]");
    return !queued;
  }));
}

TEST("classifying a job while another connection locks the schema heeds closing and deadlines") {
  TempFile file;
  Client holder(file.path(), Patient(kForeverMs, "delete"));
  holder.Exec(kTable);
  Client client(file.path(), Patient(kForeverMs, "delete"));
  client.Must(Run("INSERT INTO t VALUES (50, 'before')"));
  // Our schema is out of date, and can't be read again while the lock is held.
  holder.Exec("CREATE TABLE u (n); BEGIN EXCLUSIVE");
  std::vector<JobPtr> jobs;
  jobs.push_back(Within(milliseconds(150), Run("INSERT INTO u VALUES (1)")));
  jobs.push_back(Run("INSERT INTO u VALUES (2)"));
  jobs.push_back(Run("INSERT INTO u VALUES (3)"));
  const std::vector<JobId> ids = client.SendAll(std::move(jobs));
  EXPECT(client.Await(ids[0]).failure.has_value());
  client.worker().BeginClose();
  const JobId close = client.Send(Close());
  EXPECT(CodeOf(client.Await(close)).empty());
  for (const JobId id : ids) EXPECT(client.outcomes().Times(id) == 1);
}

TEST("connections of one shared cache wait for each other's locks, deadlines included") {
  const std::string uri = "file:shared-lock?mode=memory&cache=shared";
  Settings settings;
  settings.journal_mode = "";
  settings.busy_timeout_ms = 400;
  Client holder(uri, settings);
  holder.Exec(kTable);
  Client client(uri, settings);
  holder.Exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 'held')");
  const Stopwatch watch;
  for (const Outcome& outcome : client.AwaitAll(client.SendAll(Inserts(5))))
    EXPECT(CodeOf(outcome).rfind("SQLITE_LOCKED", 0) == 0);
  EXPECT(watch.elapsed() >= milliseconds(395));
  settings.busy_timeout_ms = kForeverMs;
  Client patient(uri, settings);
  EXPECT(CodeOf(patient.Do(Within(milliseconds(100), All("SELECT * FROM t")))) == "ERR_TIMEOUT");
  const JobId waits = patient.Send(All("SELECT n FROM t"));
  patient.AwaitStart();
  std::this_thread::sleep_for(milliseconds(10));  // it naps between its tries
  holder.Exec("COMMIT");
  EXPECT(RowsOf(patient.Await(waits)) == "[[1]]");
}

}  // namespace aiosqlite::test

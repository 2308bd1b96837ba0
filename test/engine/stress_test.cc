// Many callers at once, with every fate of a job: each job is settled exactly once, and its outcome is true.
// Made to run under ThreadSanitizer.
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr int kCallers = 64;
constexpr int kCallsPerCaller = 40;

// Shared record of all callers.
class Ledger {
 public:
  void Withdrawn(JobId id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    withdrawn_.push_back(id);
  }
  void Settled(JobId id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    settled_.push_back(id);
  }
  void Acknowledge(const std::set<int>& rows) {
    const std::lock_guard<std::mutex> lock(mutex_);
    rows_.insert(rows.begin(), rows.end());
  }

  void Check(const Outcomes& outcomes, Client& observer) const {
    for (const JobId id : withdrawn_) EXPECT(outcomes.Times(id) == 0);
    for (const JobId id : settled_) EXPECT(outcomes.Times(id) == 1);
    std::string expected = "[";
    for (const int row : rows_) expected += (expected.size() > 1 ? ",[" : "[") + std::to_string(row) + "]";
    EXPECT(observer.Rows("SELECT n FROM t ORDER BY n") == expected + "]");
    EXPECT(observer.Rows("PRAGMA integrity_check") == R"([["ok"]])");
    EXPECT(!withdrawn_.empty() && !rows_.empty());
  }

 private:
  std::mutex mutex_;
  std::vector<JobId> withdrawn_;
  std::vector<JobId> settled_;
  std::set<int> rows_;
};

// One of many: makes its calls one after another and keeps account of its rows.
class Caller {
 public:
  Caller(int number, Client& client, Ledger& ledger)
      : random_(static_cast<unsigned>(number) * 7919U + 1),
        next_(number * 100'000),
        client_(client),
        ledger_(ledger) {}

  void MakeCalls() {
    for (int i = 0; i < kCallsPerCaller; ++i) MakeOne();
    ledger_.Acknowledge(rows_);
  }

 private:
  void MakeOne() {
    const int a = next_++;
    const int b = next_++;
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        if (Succeeds(Run("INSERT INTO t VALUES (?)", {a}))) rows_.insert(a);
        break;
      case 3:
        if (Succeeds(Batch({{"INSERT INTO t VALUES (?)", {a}},
                            {"SELECT max(n) FROM t"},
                            {"INSERT INTO t VALUES (?)", {b}}})))
          rows_.insert({a, b});
        break;
      case 4:
        if (Succeeds(Many("INSERT INTO t VALUES (?)", {Params{a}, Params{b}}))) rows_.insert({a, b});
        break;
      case 5:  // fails, and undoes its first half
        EXPECT(!Succeeds(Batch({{"INSERT INTO t VALUES (?)", {a}}, {"INSERT INTO t VALUES (?)", {a}}})));
        break;
      case 6:
        Count();
        break;
      default:
        Transact(a, b);
    }
  }

  bool Succeeds(JobPtr job) {
    const unsigned fate = random_() % 6;
    if (fate == 0) job = Within(milliseconds(1 + random_() % 30), std::move(job));
    if (fate == 1) job = Cancellable(std::move(job));
    const JobId id = client_.Send(std::move(job));
    if (fate == 1) {
      for (unsigned spins = random_() % 200; spins > 0; --spins) std::this_thread::yield();
      if (client_.queue().Cancel(id, random_() % 2 == 0)) {
        ledger_.Withdrawn(id);
        return false;
      }
    }
    const Outcome outcome = client_.Await(id);
    ledger_.Settled(id);
    const std::string code = CodeOf(outcome);
    EXPECT(code.empty() || code == "ERR_TIMEOUT" || code == "ERR_CANCELLED" ||
           code == "SQLITE_CONSTRAINT_PRIMARYKEY");
    return code.empty();
  }

  void Count() {
    const int first = next_ / 100'000 * 100'000;
    const std::string rows =
        client_.Rows("SELECT count(*) FROM t WHERE n BETWEEN ? AND ?", {first, first + 99'999});
    EXPECT(rows == "[[" + std::to_string(rows_.size()) + "]]");
  }

  void Transact(int a, int b) {
    const LaneId lane = NewLane();
    client_.Must(Begin(lane, BeginMode::kImmediate));
    client_.Must(In(lane, Run("INSERT INTO t VALUES (?)", {a})));
    const LaneId inner = NewLane();
    client_.Must(In(lane, Begin(inner, BeginMode::kSavepoint)));
    client_.Must(In(inner, Run("INSERT INTO t VALUES (?)", {b})));
    client_.Must(End(inner, EndMode::kRollback));
    const bool commit = random_() % 2 == 0;
    const JobId late = client_.Send(Cancellable(In(lane, Run("SELECT 1"))));
    if (random_() % 2 == 0 && client_.queue().Cancel(late, true)) ledger_.Withdrawn(late);
    client_.Must(End(lane, commit ? EndMode::kCommit : EndMode::kRollback));
    if (commit) rows_.insert(a);
  }

  std::mt19937 random_;
  int next_;
  Client& client_;
  Ledger& ledger_;
  std::set<int> rows_;
};

void RunCallers(Client& client, Ledger& ledger) {
  std::vector<std::thread> threads;
  threads.reserve(kCallers);
  for (int i = 0; i < kCallers; ++i) threads.emplace_back([&, i] { Caller(i, client, ledger).MakeCalls(); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

TEST("64 callers on one worker: each call is settled exactly once, and what was told is so") {
  TempFile file;
  Ledger ledger;
  Client client(file.path());
  client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
  RunCallers(client, ledger);
  ledger.Check(client.outcomes(), client);
  EXPECT(client.queue().pending() == 0);
}

TEST("64 callers while another connection takes the lock again and again") {
  TempFile file;
  Ledger ledger;
  Client client(file.path());
  Client other(file.path());
  client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY); CREATE TABLE o (n)");
  std::atomic<bool> stop{false};
  std::thread holder([&] {
    while (!stop) {
      other.Exec("BEGIN IMMEDIATE; INSERT INTO o VALUES (1)");
      std::this_thread::sleep_for(milliseconds(2));
      other.Exec("COMMIT");
      std::this_thread::sleep_for(milliseconds(2));
    }
  });
  RunCallers(client, ledger);
  stop = true;
  holder.join();
  ledger.Check(client.outcomes(), other);
}

TEST("several readers on one queue: every read runs once and sees what its caller has written") {
  TempFile file;
  Client writer(file.path());
  writer.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY, caller)");
  const auto queue = std::make_shared<Queue>(Queue::Limits{});
  Settings settings;
  settings.reader = true;
  Outcomes outcomes;
  std::vector<std::unique_ptr<Worker>> workers;
  for (uint32_t i = 0; i < 3; ++i) {
    JobPtr open = Open(file.path(), settings);
    const JobId id = open->id;
    workers.push_back(std::make_unique<Worker>(10 + i, queue, outcomes, std::move(open), kMainLane));
    EXPECT(CodeOf(outcomes.Await(id)).empty());
  }
  std::mutex mutex;
  std::vector<JobId> ids;
  std::vector<std::thread> threads;
  threads.reserve(kCallers);
  for (int caller = 0; caller < kCallers; ++caller) {
    threads.emplace_back([&, caller] {
      for (int i = 1; i <= 12; ++i) {
        writer.Must(Run("INSERT INTO t (caller) VALUES (?)", {caller}));
        JobPtr job = Under(policy::kReadOnly, All("SELECT count(*) FROM t WHERE caller = ?", {caller}));
        const JobId id = job->id;
        EXPECT(queue->Stage(std::move(job)));
        queue->Publish();
        const Outcome outcome = outcomes.Await(id);
        EXPECT(RowsOf(outcome) == "[[" + std::to_string(i) + "]]");
        const std::lock_guard<std::mutex> lock(mutex);
        ids.push_back(id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const JobId id : ids) EXPECT(outcomes.Times(id) == 1);
  std::set<uint32_t> closed;
  for (size_t i = 0; i < workers.size(); ++i) {
    JobPtr close = Close();
    const JobId id = close->id;
    queue->Stage(std::move(close));
    queue->Publish();
    closed.insert(outcomes.Await(id).worker);
  }
  EXPECT(closed == (std::set<uint32_t>{10, 11, 12}));
}

TEST("jobs that are published together wake as many sleeping workers as can run them") {
  const auto queue = std::make_shared<Queue>(Queue::Limits{});
  Outcomes outcomes;
  std::vector<std::unique_ptr<Worker>> workers;
  for (uint32_t i = 0; i < 3; ++i) {
    JobPtr open = Open(":memory:");
    const JobId id = open->id;
    workers.push_back(std::make_unique<Worker>(i, queue, outcomes, std::move(open), kMainLane));
    EXPECT(CodeOf(outcomes.Await(id)).empty());
  }
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(milliseconds(30));  // so that all are asleep
    std::vector<JobId> ids;
    for (int i = 0; i < 3; ++i) {
      JobPtr job = Cancellable(Run(kEndless));
      ids.push_back(job->id);
      queue->Stage(std::move(job));
    }
    queue->Publish();
    Until([&] { return queue->pending() == 0; });  // none of them ends by itself
    std::set<uint32_t> ran;
    for (const JobId id : ids) {
      queue->Cancel(id, true);
      ran.insert(outcomes.Await(id).worker);
    }
    EXPECT(ran.size() == 3);
  }
}

TEST("workers that are terminated under load leave what they had not begun in the queue, for others") {
  for (int round = 0; round < 5; ++round) {
    TempFile file;
    Client setup(file.path());
    setup.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
    const auto queue = std::make_shared<Queue>(Queue::Limits{});
    Outcomes outcomes;
    std::vector<JobId> ids;
    const auto send = [&](int n) {
      JobPtr job = n % 3 == 0 ? Cancellable(Run("INSERT INTO t VALUES (?)", {n}))
                              : Run("INSERT INTO t VALUES (?)", {n});
      ids.push_back(job->id);
      queue->Stage(std::move(job));
      queue->Publish();
    };
    {
      Worker first(1, queue, outcomes, Open(file.path()), kMainLane);
      for (int n = 0; n < 200; ++n) send(n);
      std::this_thread::sleep_for(std::chrono::microseconds(300 * round));
    }
    queue->Cancel(ids[150], true);  // may belong to another job by now
    const size_t left = queue->pending();
    Worker second(2, queue, outcomes, Open(file.path()), kMainLane);
    JobPtr last = All("SELECT count(*) FROM t");
    const JobId id = last->id;
    queue->Stage(std::move(last));
    queue->Publish();
    outcomes.Await(id);
    size_t told = 0;
    size_t succeeded = 0;
    for (const JobId one : ids) {
      EXPECT(outcomes.Times(one) <= 1);
      if (!outcomes.Has(one)) continue;
      ++told;
      succeeded += CodeOf(outcomes.Await(one)).empty() ? 1 : 0;
    }
    EXPECT(told >= 199 && left <= 200);
    EXPECT(setup.Rows("SELECT count(*) FROM t") == "[[" + std::to_string(succeeded) + "]]");
  }
}

}  // namespace aiosqlite::test

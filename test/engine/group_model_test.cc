// Every sequence of jobs and every fate against the model: each job gets the outcome that the model predicts,
// once, and not before its commit.
#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "faulty_vfs.h"
#include "group_model.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr int kReservedLock = 2;   // BEGIN IMMEDIATE asks for it
constexpr int kExclusiveLock = 4;  // COMMIT
constexpr char kSchema[] =
    "CREATE TABLE t (n INTEGER PRIMARY KEY, x);"
    "CREATE TRIGGER r BEFORE INSERT ON t WHEN new.x = 'kill' BEGIN SELECT raise(ROLLBACK, 'killed'); END";

// A second connection that reads the committed rows, from any thread.
class Observer {
 public:
  explicit Observer(const std::string& path) {
    sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    sqlite3_prepare_v2(db_, "SELECT n FROM t WHERE n BETWEEN ? AND ?", -1, &ask_, nullptr);
  }
  ~Observer() {
    sqlite3_finalize(ask_);
    sqlite3_close(db_);
  }
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  std::set<int> Rows(int first, int last) {
    std::set<int> rows;
    sqlite3_bind_int(ask_, 1, first);
    sqlite3_bind_int(ask_, 2, last);
    while (sqlite3_step(ask_) == SQLITE_ROW) rows.insert(sqlite3_column_int(ask_, 0));
    sqlite3_reset(ask_);
    return rows;
  }

 private:
  sqlite3* db_ = nullptr;
  sqlite3_stmt* ask_ = nullptr;
};

class Checker {
 public:
  Checker()
      : functions_({{1,
                     [this](HostCall& call) {
                       Cancel(call.arguments[0].integer);
                       call.result.AddNull();
                       return true;
                     }}}),
        client_(file_.path(), Impatient(), &functions_),
        observer_((client_.Exec(kSchema), file_.path())) {
    client_.Must(Define(0, "cancel", 1, 1));
    vfs_.OnCall([this](const Io& io) { return OnCall(io); });
    client_.outcomes().OnPost([this](const std::vector<Outcome>& outcomes) { OnPost(outcomes); });
  }
  ~Checker() {
    vfs_.OnCall(nullptr);
    client_.outcomes().OnPost(nullptr);
  }

  // Whether the outcomes match the model. Two checks hold for every model: each job has one outcome, and its
  // rows are stored exactly when the outcome reports success.
  bool Agrees(const std::vector<ModelJob>& jobs, Fate fate, std::string& difference) {
    fate_ = fate;
    begins_ = commits_ = 0;
    full_ = false;
    first_row_ += 10'000;
    std::vector<JobPtr> made;
    ids_.clear();
    withdrawn_.assign(jobs.size(), false);
    for (size_t i = 0; i < jobs.size(); ++i) {
      made.push_back(Cancellable(Make(jobs[i], i)));
      ids_.push_back(made.back()->id);
    }
    // Behind them: when it has been done, all of them have been settled or taken back.
    made.push_back(All("SELECT 1"));
    client_.Await(client_.SendAll(std::move(made)).back());
    Told told;
    const std::set<int> rows = observer_.Rows(first_row_, first_row_ + 9'999);
    for (size_t i = 0; i < jobs.size(); ++i) {
      const size_t times = client_.outcomes().Times(ids_[i]);
      EXPECT(times == (withdrawn_[i] ? 0U : 1U));
      told.push_back(times == 0 ? "withdrawn" : CodeOf(client_.Await(ids_[i])));
      const bool reads = jobs[i] == ModelJob::kReads;
      EXPECT(std::count_if(rows.begin(), rows.end(), [&](int row) { return JobOf(row) == i; }) ==
             (!reads && told[i].empty() ? RowsOf(jobs[i]) : 0));
    }
    const Told predicted = Predict(jobs, fate);
    if (told == predicted) return true;
    difference.clear();
    for (size_t i = 0; i < jobs.size(); ++i) {
      difference +=
          " " + std::to_string(static_cast<int>(jobs[i])) + ": " + told[i] + ", not " + predicted[i] + ";";
    }
    return false;
  }

 private:
  static Settings Impatient() {
    Settings settings;
    settings.journal_mode = "memory";
    settings.busy_timeout_ms = 0;
    return settings;
  }

  int RowOf(size_t job, int number) const { return first_row_ + static_cast<int>(job) * 1000 + number; }
  size_t JobOf(int row) const { return static_cast<size_t>(row - first_row_) / 1000; }
  static int RowsOf(ModelJob job) {
    return job == ModelJob::kWritesMany || job == ModelJob::kWritesBatch ? 2 : 1;
  }

  JobPtr Make(ModelJob job, size_t i) {
    const int one = RowOf(i, 1);
    const int two = RowOf(i, 2);
    const int number = static_cast<int>(i);
    constexpr char kInsert[] = "INSERT INTO t VALUES (?, ?)";
    switch (job) {
      case ModelJob::kWritesMany:
        return Many(kInsert, {{one, "a"}, {two, "b"}});
      case ModelJob::kWritesBatch:
        return Batch(
            {{kInsert, {one, "a"}}, {"SELECT count(*) FROM t WHERE n = ?", {one}}, {kInsert, {two, "b"}}});
      case ModelJob::kFails:
        return Batch({{kInsert, {one, "a"}}, {kInsert, {one, "b"}}});
      case ModelJob::kKills:
        return Run(kInsert, {one, "kill"});
      case ModelJob::kReads:
        return All("SELECT count(*) FROM t WHERE n = ?", {one});
      case ModelJob::kCancelsNext:
        return Run("INSERT INTO t VALUES (?, cancel(?))", {one, number + 1});
      case ModelJob::kCancelsPrevious:
        return Run("INSERT INTO t VALUES (?, cancel(?))", {one, number - 1});
      case ModelJob::kCancelsItself:
        return Run(
            "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) INSERT INTO t SELECT ? + i, "
            "iif(i = 1, cancel(?), NULL) FROM r",
            {RowOf(i, 0), number});
      default:
        return Run(kInsert, {one, "a"});
    }
  }

  // On the worker's thread, in the middle of a statement or of a lock.
  void Cancel(int64_t job) {
    if (job < 0 || job >= static_cast<int64_t>(ids_.size())) return;
    const auto i = static_cast<size_t>(job);
    if (client_.queue().Cancel(ids_[i], true)) withdrawn_[i] = true;
  }

  Fault OnCall(const Io& io) {
    if (io.call == IoCall::kLock && io.size == kReservedLock) return OnBegin();
    if (io.call == IoCall::kLock && io.size == kExclusiveLock) return OnCommit();
    if (io.call == IoCall::kWrite && std::exchange(full_, false)) return {SQLITE_FULL};
    return {};
  }

  Fault OnBegin() {
    if (begins_++ > 0) return {};
    if (fate_ == Fate::kLastCancelled) Cancel(static_cast<int64_t>(ids_.size()) - 1);
    if (fate_ == Fate::kBeginBusyCancelled) Cancel(0);
    const bool busy = fate_ == Fate::kBeginBusy || fate_ == Fate::kBeginBusyCancelled;
    return busy ? Fault{SQLITE_BUSY} : Fault{};
  }

  Fault OnCommit() {
    const int attempt = ++commits_;
    full_ = (fate_ == Fate::kCommitFails && attempt == 1) ||
            (fate_ == Fate::kCommitFailsTwice && attempt <= 2) ||
            (fate_ == Fate::kCommitFailsThrice && attempt <= 3);
    if (attempt > 1) return {};
    if (fate_ == Fate::kCommitBusyCancelled) Cancel(0);
    const bool busy = fate_ == Fate::kCommitBusy || fate_ == Fate::kCommitBusyCancelled;
    return busy ? Fault{SQLITE_BUSY} : Fault{};
  }

  // Runs on the worker's thread before delivery: another connection must see each write reported as
  // committed.
  void OnPost(const std::vector<Outcome>& outcomes) {
    for (const Outcome& outcome : outcomes) {
      const auto found = std::find(ids_.begin(), ids_.end(), outcome.id);
      const bool committed = outcome.counts_commit || outcome.group_size > 0;
      if (found == ids_.end() || outcome.failure || !committed) continue;
      const auto job = static_cast<size_t>(found - ids_.begin());
      EXPECT(!observer_.Rows(RowOf(job, 0), RowOf(job, 999)).empty());
    }
  }

  FaultyVfs vfs_;
  TempFile file_;
  Functions functions_;
  Client client_;
  Observer observer_;
  Fate fate_ = Fate::kNone;
  int begins_ = 0;
  int commits_ = 0;
  bool full_ = false;  // the next write fails
  int first_row_ = 0;
  std::vector<JobId> ids_;
  std::vector<bool> withdrawn_;
};

}  // namespace

TEST("group commit: every sequence of up to four jobs, and every fate, ends as the model says") {
  const size_t longest = IsSoak() ? 4 : 3;
  Checker checker;
  int cases = 0;
  int slow = 0;  // a group that does not get through within its 5 ms is cut: tried again
  for (size_t length = 1; length <= longest; ++length) {
    size_t sequences = 1;
    for (size_t i = 0; i < length; ++i) sequences *= kModelJobs;
    for (size_t number = 0; number < sequences; ++number) {
      std::vector<ModelJob> jobs;
      for (size_t i = 0, digits = number; i < length; ++i, digits /= kModelJobs)
        jobs.push_back(static_cast<ModelJob>(digits % kModelJobs));
      for (int fate = 0; fate < kFates; ++fate) {
        // In CI a part of the longest; their numbers are spread by a prime.
        if (!IsSoak() && length == longest && (number * kFates + static_cast<size_t>(fate)) % 7 != 0)
          continue;
        ++cases;
        std::string difference;
        const bool agrees = OnOneOfManyTries([&] {
          const bool ok = checker.Agrees(jobs, static_cast<Fate>(fate), difference);
          slow += ok ? 0 : 1;
          return ok;
        });
        if (!agrees) Fail(__FILE__, __LINE__, "fate " + std::to_string(fate) + ":" + difference);
        if (Failed()) return;
      }
    }
  }
  std::printf("  %d cases, %d tries again\n", cases, slow);
}

}  // namespace aiosqlite::test

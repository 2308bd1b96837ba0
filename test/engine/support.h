// What the engine's tests are made of: jobs, a worker with its queue, its outcomes, files that delete
// themselves.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/database.h"
#include "engine/inbox.h"
#include "engine/job.h"
#include "engine/worker.h"
#include "test.h"

namespace aiosqlite::test {

using std::chrono::milliseconds;

// ── values and jobs ──

struct Blob {
  std::string bytes;
};

/// One value to bind.
struct Param {
  Param(std::nullptr_t) {}                                     // NOLINT(google-explicit-constructor)
  Param(int value) : tag(Tag::kInteger), integer(value) {}     // NOLINT(google-explicit-constructor)
  Param(int64_t value) : tag(Tag::kInt64), integer(value) {}   // NOLINT(google-explicit-constructor)
  Param(double value) : tag(Tag::kReal), real(value) {}        // NOLINT(google-explicit-constructor)
  Param(const char* value) : tag(Tag::kText), bytes(value) {}  // NOLINT(google-explicit-constructor)
  Param(std::string value)
      : tag(Tag::kText), bytes(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Param(Blob value)
      : tag(Tag::kBlob), bytes(std::move(value.bytes)) {}  // NOLINT(google-explicit-constructor)

  Tag tag = Tag::kNull;
  int64_t integer = 0;
  double real = 0;
  std::string bytes;
};
using Params = std::vector<Param>;

void Add(Packet& packet, const Param& param);

struct Query {
  std::string sql;
  Params params = {};
  RowMode mode = RowMode::kNone;
  IfNone if_none = IfNone::kContinue;
  std::vector<std::string> json_columns = {};
  bool wants_columns = false;
  std::vector<std::pair<std::string, Param>> named = {};  // instead of params
};

/// How a file is opened. The default is as a writer of a pool, without waiting for the disk.
struct Settings {
  std::string journal_mode = "wal";
  int busy_timeout_ms = 5000;
  bool readonly = false;
  bool must_exist = false;
  bool reader = false;
  IntegerMode integer_mode = IntegerMode::kMixed;
  int statement_cache_size = 128;
  std::vector<std::string> pragmas = {"PRAGMA synchronous = OFF"};
};

JobPtr Run(const std::string& sql, const Params& params = {});
JobPtr Run(const Query& query);
JobPtr All(const std::string& sql, const Params& params = {});  // rows as arrays
JobPtr Many(const std::string& sql, const std::vector<Params>& sets);
JobPtr Batch(const std::vector<Query>& queries);
JobPtr Script(const std::string& sql);
JobPtr Begin(LaneId lane, BeginMode mode);
JobPtr End(LaneId lane, EndMode mode);
JobPtr Close();
JobPtr Open(const std::string& file, const Settings& settings = {});
JobPtr OpenCursor(int batch_size, const Query& query);
/// Any other request, with numbers, names and blobs in the order that binding/engine/job.h tells.
JobPtr Ask(Request request, const Params& entries);

// The job with one thing changed.
JobPtr In(LaneId lane, JobPtr job);
JobPtr Under(uint8_t policy, JobPtr job);
JobPtr Within(milliseconds timeout, JobPtr job);
JobPtr Cancellable(JobPtr job);

/// A lane of its own for a transaction or a lease.
LaneId NewLane();

// ── outcomes ──

/// Collects outcomes. Any thread.
class Outcomes final : public OutcomeSink {
 public:
  void Post(std::vector<Outcome>&& outcomes) override;
  /// Waits for it; after half a minute the test fails, and the failure's code is "NEVER".
  Outcome Await(JobId id);
  bool Has(JobId id) const;
  /// How often it was posted: everything but 0 and 1 is a bug.
  size_t Times(JobId id) const;
  /// In the order of their posting.
  std::vector<JobId> Order() const;
  /// Called on the worker's thread with what is about to be collected.
  void OnPost(std::function<void(const std::vector<Outcome>&)> hook);

 private:
  mutable std::mutex mutex_;
  std::condition_variable posted_;
  std::map<JobId, Outcome> outcomes_;
  std::map<JobId, size_t> times_;
  std::vector<JobId> order_;
  std::function<void(const std::vector<Outcome>&)> hook_;
};

/// "" for success, else the code.
std::string CodeOf(const Outcome& outcome);
/// The rows of one result as one JSON array, null for blobs and big integers: `[[1,"a"],[2,"b"]]`.
std::string RowsOf(const Outcome& outcome, size_t result = 0);

// ── files ──

/// A path for a database in the temporary folder; the database and what SQLite puts beside it go with the
/// object.
class TempFile {
 public:
  TempFile();
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  const std::string& path() const { return path_; }
  void Write(const std::string& bytes) const;

 private:
  std::string path_;
};

/// Commits in the WAL beside a database: frames that carry the database's size
/// (sqlite.org/fileformat.html#the_wal_file_format). Exact as long as the WAL has not been started anew.
int CommitsInWal(const std::string& path);

// ── a connection ──

/// One worker with an inbox of its own: what the JavaScript side would hold. The test's thread.
class Client {
 public:
  explicit Client(const std::string& file, const Settings& settings = {});
  /// Opens another worker on an inbox that others share.
  Client(uint32_t number, std::shared_ptr<Inbox> inbox, const std::string& file, const Settings& settings);
  ~Client();

  /// Publishes them in one go, so that a group can take all of them. Their ids.
  std::vector<JobId> SendAll(std::vector<JobPtr> jobs);
  JobId Send(JobPtr job);
  Outcome Await(JobId id) { return outcomes_.Await(id); }
  std::vector<Outcome> AwaitAll(const std::vector<JobId>& ids);
  /// Sends and waits.
  Outcome Do(JobPtr job);
  /// Does it, and the test fails if it fails.
  Outcome Must(JobPtr job);
  /// The rows of a query as JSON; the test fails if it fails.
  std::string Rows(const std::string& sql, const Params& params = {});
  void Exec(const std::string& script);

  Inbox& inbox() { return *inbox_; }
  Worker& worker() { return *worker_; }
  Outcomes& outcomes() { return outcomes_; }
  const Outcome& opened() const { return opened_; }

 private:
  std::shared_ptr<Inbox> inbox_;
  Outcomes outcomes_;
  std::unique_ptr<Worker> worker_;
  Outcome opened_;
};

/// A Database on the test's own thread.
class Local {
 public:
  explicit Local(const std::string& file = ":memory:", const Settings& settings = {});

  Database* operator->() { return &database_; }
  Database& operator*() { return database_; }
  RunningJobs& running() { return running_; }
  Inbox& inbox() { return inbox_; }
  StatementCounters& counters() { return counters_; }
  /// Runs one query; `outcome` tells.
  std::optional<Failure> Run(const Query& query, Outcome& outcome);
  /// The same, and the test fails if it fails. The result's text.
  std::string Rows(const Query& query);

  std::atomic<bool> stopped{false};
  std::atomic<bool> closing{false};

 private:
  Inbox inbox_{Inbox::Limits{}};
  RunningJobs running_{inbox_, stopped, closing};
  StatementCounters counters_;
  Database database_;
};

/// Another process that holds the write lock of a database as long as this object lives.
class OtherProcess {
 public:
  explicit OtherProcess(const std::string& file);
  ~OtherProcess();
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

 private:
  const std::string release_;  // a file: once it is there, the other one lets go
  FILE* pipe_;
};
/// What that process does: main() calls it for `engine_test --hold-lock DATABASE RELEASE`.
int HoldLock(const std::string& file, const std::string& release);

// ── time ──

class Stopwatch {
 public:
  milliseconds elapsed() const { return std::chrono::duration_cast<milliseconds>(Clock::now() - began_); }

 private:
  Clock::time_point began_ = Clock::now();
};

/// What depends on the scheduler, such as whether all of a group's work fits into its 5 ms, gets several
/// tries.
bool OnOneOfManyTries(const std::function<bool()>& attempt);

/// Whether this build is so slow that hardly anything fits into 5 ms: under a sanitizer, or with SQLite's
/// assertions.
bool IsSlow();

/// A query that runs until it is interrupted.
inline constexpr char kEndless[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

}  // namespace aiosqlite::test

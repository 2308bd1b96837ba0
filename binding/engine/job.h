// Any thread, one at a time: a job belongs to its caller, then to the queue, then to the worker that took it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/entries.h"
#include "protocol.h"

namespace aiosqlite {

using Clock = std::chrono::steady_clock;
using JobId = uint32_t;

// Which lane of a queue a job waits in. Lane 0 serves every caller; a transaction or a lease has one of its
// own, and while it is open its worker takes jobs from there alone.
using LaneId = uint32_t;
constexpr auto kMainLane = static_cast<LaneId>(LaneNumber::kMain);

// Names in one text, a U+0000 between them.
class NameList {
 public:
  NameList() = default;
  explicit NameList(std::string_view names) : names_(names), empty_(false) {}

  bool empty() const { return empty_; }
  std::string_view TakeFirst() {
    const size_t end = names_.find('\0');
    const std::string_view first = names_.substr(0, end);
    empty_ = end == std::string_view::npos;
    names_.remove_prefix(empty_ ? names_.size() : end + 1);
    return first;
  }

 private:
  std::string_view names_;
  bool empty_ = true;
};

// A Query in the entries of a call, up to its parameters: sql, settings as one number, the names of its JSON
// columns if it has any, the count of parameters.
struct QueryHead {
  std::string_view sql;
  RowMode mode = RowMode::kNone;
  bool wants_columns = false;
  IfNone if_none = IfNone::kContinue;
  NameList json_columns;
  int params = 0;  // negative: pairs of name and value

  static QueryHead Of(std::string_view sql) {
    QueryHead head;
    head.sql = sql;
    return head;
  }

  static QueryHead Read(EntryReader& entries) {
    QueryHead head;
    head.sql = entries.Text();
    const int settings = entries.Int();
    head.mode = static_cast<RowMode>(settings & setting::kRowModeMask);
    head.wants_columns = (settings & setting::kWantsColumns) != 0;
    head.if_none = static_cast<IfNone>(settings >> setting::kIfNoneAt);
    if ((settings & setting::kHasJsonColumns) != 0) head.json_columns = NameList(entries.Text());
    head.params = entries.Int();
    return head;
  }
};

namespace policy {
// With kNoSettings: the statement is prepared to be described, not to be run. The engine's own bit.
constexpr uint8_t kLooks = 128;
}  // namespace policy

struct Job {
  JobId id = 0;
  Request request = Request::kRun;
  LaneId lane = kMainLane;
  uint8_t policy = 0;
  bool cancellable = false;  // has a signal or a deadline, or is outside lane 0: Queue::Cancel can find it
  bool queued = false;       // guarded by the queue
  Entries entries;
  size_t byte_size = 0;
  Clock::time_point queued_at{};
  Clock::time_point deadline = Clock::time_point::max();
  // Set by Queue::Cancel: a queued job is then skipped, a running one interrupted.
  std::atomic<bool> cancelled{false};

  bool Expired(Clock::time_point now) const { return now >= deadline; }
};
using JobPtr = std::unique_ptr<Job>;

// A text that becomes a JavaScript string of its own, in one of two forms.
struct LongText {
  std::string ascii;
  std::u16string wide;
};

// The first rows of a result, as JSON: `[rows, patches]`. Patches are the values that JSON can't hold, or
// that are too long to be parsed: `[row, column, "integer"]`, `[row, column, offset, length]` in `bytes`, or
// `[row, column, number]` of `long_texts`.

struct JsonRows {
  std::string text;  // empty: no rows
  std::string bytes;
  std::vector<LongText> long_texts;
  bool ascii = true;
};

// The rows that follow, cell by cell: a tag each, numbers and lengths of blobs in `numbers`, blobs in
// `bytes`. `shorts` joins short ASCII texts: V8 slices a string faster than it parses JSON. `texts` is a JSON
// array of longer ones, and of JSON. `wides` holds texts with other characters, so that these alone are two
// bytes wide. Decoding UTF-8 happens here, on the worker.
struct PackedRows {
  uint32_t rows = 0;
  std::vector<uint8_t> tags;      // see Tag
  std::vector<uint64_t> numbers;  // doubles, or 64-bit integers where the tag says so
  std::string texts;              // empty if there are none
  std::u16string wides;           // empty if there are none
  std::string shorts;
  std::string bytes;

  static constexpr size_t kLongestShort = 12;
};

struct Result {
  uint64_t rows = 0;
  int64_t changes = 0;
  int64_t last_insert_rowid = 0;
  std::string columns;  // JSON array of names; empty if the caller needs none
  JsonRows first;
  std::vector<PackedRows> rest;
};

// Why a job failed, as data: the Error is made in JavaScript, where the caller's stack is.
struct Failure {
  std::string code;  // 'SQLITE_…' or 'ERR_…'
  int errcode = 0;   // SQLite's extended code, 0 for 'ERR_…'
  std::string message;
  int offset = -1;         // in the SQL text
  int index = -1;          // of the query in a batch
  std::string sql;         // of the failed statement, for SQLite's own failures
  std::string column;      // ERR_INVALID_JSON and ERR_OUT_OF_RANGE
  uint32_t exception = 0;  // ERR_FUNCTION: under which the host keeps what was thrown
};

// Times of a traced job, in microseconds.
struct Trace {
  int64_t queue_us = 0;  // from the call to its first statement
  int64_t run_us = 0;    // its statements, without a shared COMMIT
};

// Outcome of a job. src/wire/outcome/outcome.ts has the same fields.
struct Outcome {
  JobId id = 0;
  std::optional<Failure> failure;
  std::vector<Result> results;
  // A commit to be counted. Of a shared one the first outcome alone has it.
  bool counts_commit = false;
  // kEnd of a lease: its settings or attachments were changed, or it failed unexpectedly.
  bool altered = false;
  // A cursor has no more rows; a backup is complete.
  bool done = false;
  uint32_t group_size = 0;  // writes of the shared commit, this one included; 0 outside shared commits
  int wal_pages = 0;        // length of the WAL after the last commit of this connection
  uint32_t worker = 0;      // number of the worker that ran the job
  std::string info;         // answer of requests without rows, mostly JSON; kOpen: the journal mode
  // JSON of what has been committed, if commits are reported: see ChangeLog.
  std::vector<std::string> changes;
  std::optional<Trace> trace;
};

// Takes finished jobs. Called on the worker's thread.
class OutcomeSink {
 public:
  virtual ~OutcomeSink() = default;
  virtual void Post(std::vector<Outcome>&& outcomes) = 0;
};

// How a connection is opened, validated in TypeScript, read from the entries of kOpen.
struct OpenOptions {
  std::string file;
  bool readonly = false;
  bool must_exist = false;
  bool reader = false;  // a pool's reader: query_only
  bool double_quoted_strings = false;
  int busy_timeout_ms = 5000;
  IntegerMode integer_mode = IntegerMode::kMixed;
  int statement_cache_size = 128;
  std::string journal_mode;          // empty: as the file has it
  std::vector<std::string> pragmas;  // whole statements, in order
  std::vector<std::string> extensions;

  static OpenOptions Read(EntryReader& entries);
};

// Takes the time of a traced job while it lives.
class Stopwatch {
 public:
  Stopwatch(const Job& job, Outcome& outcome)
      : outcome_(outcome), traced_((job.policy & policy::kTrace) != 0) {
    if (!traced_) return;
    began_ = Clock::now();
    outcome_.trace = Trace{MicrosecondsOf(began_ - job.queued_at), 0};
  }
  ~Stopwatch() {
    if (traced_ && outcome_.trace) outcome_.trace->run_us = MicrosecondsOf(Clock::now() - began_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  static int64_t MicrosecondsOf(Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  }

  Outcome& outcome_;
  const bool traced_;
  Clock::time_point began_;
};

}  // namespace aiosqlite

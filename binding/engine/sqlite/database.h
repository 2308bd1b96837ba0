// Worker thread. Owns the sqlite3 of one connection and runs statements on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/features/change_log.h"
#include "engine/features/functions.h"
#include "engine/job.h"
#include "engine/rows/row_encoder.h"
#include "engine/sqlite/classify.h"
#include "engine/sqlite/statement.h"
#include "engine/sqlite/statement_cache.h"
#include "engine/worker/busy.h"
#include "engine/worker/owner.h"

struct sqlite3;

namespace aiosqlite {

enum class JobKind : uint8_t {
  kReads,   // reads alone
  kWrites,  // DML, reads beside it: may share a commit
  kAlone,   // anything else, and what can't be prepared: running it brings the error to light
};

class Database {
 public:
  Database(OpenOptions options, RunningJobs& running, StatementCounters& counters, Host* host);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Opens the file and applies the profile once. `journal_mode` is what the file answers.
  std::optional<Failure> Open(std::string& journal_mode);

  // The statement for `sql`, from the cache or prepared under `policy`. Exactly one statement, or
  // ERR_STATEMENT_COUNT.
  Statement* Prepare(std::string_view sql, uint8_t policy, Failure& failure);

  // As Prepare, but the statement is the caller's, outside the cache.
  std::unique_ptr<Statement> PrepareOwn(std::string_view sql, uint8_t policy,
                                        std::optional<Failure>& failure);

  // What the job will run, found by preparing its statements; but not those that preparing could already run.
  // `may_wait`: for the lock of someone who changes the schema. Else such a job is kAlone.
  JobKind KindOf(const Job& job, bool may_wait);

  // ── what jobs ask for: each runs in whatever transaction is open, or in none ──

  // kRun: atomic as SQLite's statements are.
  std::optional<Failure> Run(const Job& job, Outcome& outcome);
  // kMany, kBatch: all or nothing only within Atomically or a savepoint of the caller's.
  std::optional<Failure> RunMany(const Job& job, Outcome& outcome);
  std::optional<Failure> RunBatch(const Job& job, Outcome& outcome);
  // kScript.
  std::optional<Failure> RunScript(const Job& job);

  // Runs `work` all or nothing: in a transaction of its own, or in a savepoint where one is open.
  template <class Work>
  std::optional<Failure> Atomically(bool writes, Work&& work);

  // ── the connection itself ──
  // kDescribe, kStatus: `outcome.info` is JSON.
  std::optional<Failure> Describe(const Job& job, Outcome& outcome);
  std::optional<Failure> Status(Outcome& outcome);
  // kSetLimit: `outcome.info` is the value before.
  std::optional<Failure> SetLimit(const Job& job, Outcome& outcome);
  std::optional<Failure> LoadExtension(const Job& job);
  std::optional<Failure> Authorize(const Job& job);
  std::optional<Failure> Serialize(Outcome& outcome);
  std::optional<Failure> Deserialize(const Job& job);
  std::optional<Failure> DefineFunction(const Job& job);
  // Whether commits are told in `TakeCommitted`.
  void Watch(bool watch);
  std::vector<std::string> TakeCommitted() { return change_log_.TakeCommitted(); }

  // A statement of our own, like "COMMIT".
  std::optional<Failure> Control(const char* sql);
  // Ends the open transaction without its changes. Where even that fails (no memory), the transaction is
  // doomed: it counts as gone, can't commit any more, and nothing runs before LeaveDoomed has ended it.
  std::optional<Failure> RollBack();
  // The same for a savepoint of ours; where it fails, for the whole transaction.
  void RollBackTo(const char* rollback_to, const char* release);
  // Why a doomed transaction is still there; none if there is none, or no longer.
  std::optional<Failure> LeaveDoomed();

  // Around what changes rows without being a statement: changesets, blobs.
  template <class Work>
  std::optional<Failure> Noted(Work&& work);
  // Such a change, where SQLite tells its hook nothing of it.
  void NoteUpdate(std::string_view table, int64_t rowid);
  // After a failure: whether what the statement did before it stays, as OR FAIL has it.
  bool kept() const { return kept_; }
  Failure Failed(int rc, std::string_view sql);
  // The same for what fails while it runs: its message says nothing of values.
  Failure FailedStep(int rc, std::string_view sql);

  // False when waiting for a lock should end. `count`: how often it was asked for this one before.
  bool WaitForLock(int count) { return OnBusy(this, count) != 0; }
  sqlite3* handle() const { return db_; }
  int64_t total_changes() const;
  bool in_transaction() const;
  bool has_outstanding_foreign_keys() const;
  bool reader() const { return options_.reader; }
  // Whether a setting PRAGMA, ATTACH or DETACH ran, or a failure that a connection should not outlive, since
  // the last call.
  bool TakeAltered();
  // Whether a transaction that writes has committed since the last call.
  bool TakeCommit();
  // Whether the database lives in this connection's memory, or in that of all connections to it.
  bool in_memory() const;

  // Moves the WAL into the file when it has grown long, after its writers have been answered.
  void CheckpointIfDue();
  int wal_pages() const { return wal_pages_; }

 private:
  friend class Backup;
  friend class Blob;
  friend class Cursor;

  JobKind KindOfStatements(const Job& job);
  // One Query of a packet. `none`: it neither returned a row nor changed one.
  std::optional<Failure> RunQuery(PacketReader& packet, uint8_t policy, Outcome& outcome, IfNone& if_none,
                                  bool& none);
  std::optional<Failure> StepAll(Statement& statement, uint8_t policy, RowEncoder& rows, Result& result,
                                 bool& any_row);
  std::optional<Failure> StepToEnd(Statement& statement, RowEncoder& rows, bool& any_row);
  void NoteChanges(const StatementTraits& traits, bool succeeded);
  // Ends a statement that has failed where SQLite knows nothing of it: a collation has thrown, or a row that
  // it RETURNs can't be delivered. What it wrote is undone, with the transaction around it.
  Failure Undone(Statement& statement, Failure failure);
  // One step; the first waits for the locks of a shared cache.
  int Step(Statement& statement, bool first);
  // Why a statement of this kind may not run under `policy`.
  std::optional<Failure> Refuse(const StatementTraits& traits, std::string_view sql, uint8_t policy) const;
  // One statement from the start of `sql`, and where it ends. Null with a failure, or without one if there is
  // none.
  std::unique_ptr<Statement> Compile(std::string_view sql, unsigned flags, uint8_t policy,
                                     std::string_view& rest, std::optional<Failure>& failure,
                                     bool own = false);

  std::optional<Failure> ApplyProfile(std::string& journal_mode);
  std::optional<Failure> SetJournalMode(std::string& journal_mode);
  std::optional<Failure> LoadExtensions();
  // After functions have been added that a schema may not call. SQLite looks at that while it reads the
  // schema (in CHECK, generated columns and indexes), and what it did not know then would be called.
  std::optional<Failure> ForgetSchema();
  std::optional<Failure> Ask(const char* sql, std::string& answer);
  Statement* PrepareControl(const char* sql, std::optional<Failure>& failure);
  void TakeOverBusyTimeout();
  // `count`: how often it was asked for this lock before.
  static int OnBusy(void* self, int count);
  static int OnProgress(void* self);
  static int OnCommit(void* self);
  static int OnWal(void* self, sqlite3* db, const char* name, int pages);

  const OwnerThread owner_;
  const OpenOptions options_;
  RunningJobs& running_;
  sqlite3* db_ = nullptr;
  Classifier classifier_;
  FunctionHost functions_;
  ChangeLog change_log_;
  StatementCache cache_;
  // The last PRAGMA. What it sets or tells is settled while it is prepared, so it is prepared for each use.
  std::unique_ptr<Statement> pragma_;
  // Our own statements, by their text: a few, and never in the way of the user's, which may be running around
  // them.
  std::unordered_map<std::string_view, std::unique_ptr<Statement>> controls_;
  int wal_pages_ = 0;
  int checkpoint_pages_ = 0;  // 0: never on our own
  int checkpoint_due_ = 0;
  int open_cursors_ = 0;
  bool altered_ = false;
  bool kept_ = false;
  bool committed_ = false;
  bool undoing_ = false;
  bool doomed_ = false;
  int busy_timeout_ms_;
  bool patient_ = true;  // while false, a lock is not waited for
  const Statement* stepping_ = nullptr;
};

template <class Work>
std::optional<Failure> Database::Noted(Work&& work) {
  functions_.exception = 0;
  const size_t mark = change_log_.Mark();
  std::optional<Failure> failure = work();
  if (!failure && functions_.exception != 0) {
    failure = Failed(0, {});
    if (in_transaction()) RollBack();
  }
  if (failure) change_log_.TakeBack(mark);
  if (change_log_.watching()) NoteChanges({}, !failure);
  return failure;
}

template <class Work>
std::optional<Failure> Database::Atomically(bool writes, Work&& work) {
  const bool nested = in_transaction();
  if (auto failure = Control(nested ? "SAVEPOINT aiosqlite_job" : writes ? "BEGIN IMMEDIATE" : "BEGIN"))
    return failure;
  std::optional<Failure> failure = work();
  if (!failure) {
    failure = Control(nested ? "RELEASE aiosqlite_job" : "COMMIT");
    if (!failure) return std::nullopt;
  }
  // After every failure the truth is whether a transaction is open, never the code.
  if (in_transaction()) {
    if (nested) {
      RollBackTo("ROLLBACK TO aiosqlite_job", "RELEASE aiosqlite_job");
    } else {
      RollBack();
    }
  }
  return failure;
}

}  // namespace aiosqlite

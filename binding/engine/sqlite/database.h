// Worker thread. Owns the sqlite3 of one connection: opens and closes it, holds its settings and
// transactions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/features/change_log.h"
#include "engine/features/functions.h"
#include "engine/job.h"
#include "engine/sqlite/hooks.h"
#include "engine/sqlite/statement.h"
#include "engine/sqlite/statement_cache.h"
#include "engine/sqlite/statement_source.h"
#include "engine/worker/busy.h"
#include "engine/worker/owner.h"

struct sqlite3;

namespace aiosqlite {

class Database {
 public:
  Database(OpenOptions options, RunningJobs& running, StatementCounters& counters, Host* host);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Opens the file and applies the profile once. `journal_mode`: the answer of the file.
  std::optional<Failure> Open(std::string& journal_mode);

  Hooks& hooks() { return hooks_; }
  StatementSource& statements() { return statements_; }
  FunctionHost& functions() { return functions_; }
  ChangeLog& changes() { return change_log_; }
  const OpenOptions& options() const { return options_; }
  sqlite3* handle() const { return db_; }
  Failure Failed(int rc, std::string_view sql) { return hooks_.Failed(rc, sql); }

  // ── statements ──
  // One step. True on a row; false at the end, or with a failure. The first step of a statement waits for
  // locks of which SQLite does not ask the busy handler.
  bool Step(Statement& statement, bool first, std::optional<Failure>& failure);
  // Ends a statement whose failure SQLite does not know: a collation has thrown, or a row that it RETURNs
  // can't be delivered. Its writes are undone, with the transaction around them.
  Failure Undo(Statement& statement, Failure failure);
  // Runs a statement of the engine itself, like "COMMIT". Ask: `answer` is the first column of its first row.
  std::optional<Failure> Control(const char* sql) { return RunOwn(sql, nullptr); }
  std::optional<Failure> Ask(const char* sql, std::string& answer) { return RunOwn(sql, &answer); }

  // ── transactions ──
  // Runs `work` all or nothing: in a transaction of its own, or in a savepoint where one is open.
  template <class Work>
  std::optional<Failure> Atomically(bool writes, Work&& work);
  // Ends the open transaction without its changes. If that fails (no memory), the transaction is doomed:
  // it counts as gone and can't commit, and nothing runs before LeaveDoomed has ended it.
  std::optional<Failure> RollBack();
  // The same for a savepoint of ours; where it fails, for the whole transaction.
  void RollBackTo(const char* rollback_to, const char* release);
  // Ends a doomed transaction. The failure if that fails again.
  std::optional<Failure> LeaveDoomed();
  bool in_transaction() const;
  bool has_outstanding_foreign_keys() const;

  // ── changes ──
  // Reports commits in `changes()`, or no longer.
  void ReportCommits(bool report);
  // After a statement: commits or discards the noted changes as it did.
  void NoteChanges(const StatementTraits& traits, bool succeeded);
  // Around changes of rows that no statement makes: changesets, blobs.
  template <class Work>
  std::optional<Failure> Noted(Work&& work);
  // Notes an update that SQLite does not report to its hook.
  void NoteUpdate(std::string_view table, int64_t rowid);

  // ── settings ──
  std::optional<Failure> LoadExtension(const std::string& path, const std::string& entry_point);
  // Call it after adding functions that a schema may not call. SQLite checks that while it reads the schema
  // (in CHECK, generated columns and indexes); a schema that it has read before would call them.
  std::optional<Failure> ForgetSchema();
  // Before each job: whether deleted content is overwritten with zeros. Lasts until a job wants it otherwise.
  std::optional<Failure> UseSecureDelete(bool wanted);
  bool reader() const { return options_.reader; }
  int64_t total_changes() const;
  // Whether the database lives in this connection's memory, or in that of all connections to it.
  bool in_memory() const;

 private:
  std::optional<Failure> ApplyProfile(std::string& journal_mode);
  std::optional<Failure> SetJournalMode(std::string& journal_mode);
  std::optional<Failure> RunOwn(const char* sql, std::string* answer);

  const OwnerThread owner_;
  const OpenOptions options_;
  sqlite3* db_ = nullptr;
  FunctionHost functions_;
  ChangeLog change_log_;
  Hooks hooks_;
  StatementSource statements_;
  bool doomed_ = false;
  // PRAGMA secure_delete as the connection had it, while a job has switched it on; otherwise empty.
  std::string secure_delete_before_;
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
  if (change_log_.reporting()) NoteChanges({}, !failure);
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

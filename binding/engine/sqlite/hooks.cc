#include "engine/sqlite/hooks.h"

#include <sqlite3.h>

#include <chrono>

#include "engine/sqlite/error.h"
#include "engine/sqlite/hide_values.h"

namespace aiosqlite {
namespace {

// Virtual machine steps between two looks at cancellation: tens of microseconds.
constexpr int kProgressSteps = 1000;

// A connection that has failed like this may be broken.
bool IsUnexpected(int errcode) {
  switch (errcode & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_NOMEM:
    case SQLITE_INTERNAL:
    case SQLITE_PROTOCOL:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Hooks::Install(sqlite3* db) {
  db_ = db;
  InstallBusyHandler();
  sqlite3_progress_handler(db_, kProgressSteps, &Hooks::OnProgress, this);
}

void Hooks::InstallForWrites(int checkpoint_pages) {
  checkpoint_pages_ = checkpoint_due_ = checkpoint_pages;
  // sqlite.org/c3ref/wal_hook.html: it replaces SQLite's automatic checkpoint.
  sqlite3_wal_hook(db_, &Hooks::OnWal, this);
  sqlite3_commit_hook(db_, &Hooks::OnCommit, this);
}

void Hooks::InstallBusyHandler() { sqlite3_busy_handler(db_, &Hooks::OnBusy, this); }

void Hooks::LendBusyTimeout() { sqlite3_busy_timeout(db_, busy_timeout_ms_); }

void Hooks::TakeOverBusyTimeout() {
  sqlite3_stmt* ask = nullptr;
  sqlite3_prepare_v2(db_, "PRAGMA busy_timeout", -1, &ask, nullptr);
  if (sqlite3_step(ask) == SQLITE_ROW) busy_timeout_ms_ = sqlite3_column_int(ask, 0);
  sqlite3_finalize(ask);
  InstallBusyHandler();
}

int Hooks::OnBusy(void* self, int count) {
  auto* hooks = static_cast<Hooks*>(self);
  const std::chrono::milliseconds limit(hooks->busy_timeout_ms_);
  hooks->gave_up_ = !hooks->patient_ || !hooks->running_.WaitForLock(limit, count == 0);
  return hooks->gave_up_ ? 0 : 1;
}

int Hooks::OnProgress(void* self) {
  const auto* hooks = static_cast<Hooks*>(self);
  // SQLite asks once more after a statement has ended, its commit included: it must not be called interrupted
  // then. The end of a transaction is never cut off.
  const Statement* const stepping = hooks->stepping_;
  const bool over = stepping != nullptr &&
                    (stepping->traits().transaction_control || sqlite3_stmt_busy(stepping->handle()) == 0);
  const bool go_on = hooks->functions_.exception == 0 && hooks->running_.ShouldStop() == Stop::kNone;
  return over || go_on ? 0 : 1;
}

int Hooks::OnCommit(void* self) {
  auto* hooks = static_cast<Hooks*>(self);
  // A comparison of texts that has thrown must not decide what is stored.
  if (hooks->functions_.exception != 0 || hooks->refuses_commits_) return 1;
  hooks->committed_ = true;
  return 0;
}

int Hooks::OnWal(void* self, sqlite3*, const char*, int pages) {
  auto* hooks = static_cast<Hooks*>(self);
  hooks->wal_pages_ = pages;
  if (pages < hooks->checkpoint_pages_) hooks->checkpoint_due_ = hooks->checkpoint_pages_;
  return SQLITE_OK;
}

void Hooks::CheckpointIfDue() {
  owner_.Check();
  if (checkpoint_pages_ <= 0 || wal_pages_ < checkpoint_due_ || sqlite3_get_autocommit(db_) == 0) return;
  int pages = 0;
  int moved = 0;
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
  // Pages that readers still need stay. Another try is worth it after as many pages again.
  checkpoint_due_ = moved < pages ? wal_pages_ + checkpoint_pages_ : checkpoint_pages_;
  if (moved == pages) wal_pages_ = 0;
}

Failure Hooks::Failed(int rc, std::string_view sql) {
  Failure failure = SqliteFailure(db_, rc, sql);
  if (const uint32_t exception = std::exchange(functions_.exception, 0)) {
    failure = OwnFailure("ERR_FUNCTION", "a function that the statement calls has failed");
    failure.exception = exception;
    failure.sql = sql;
    return failure;
  }
  if (IsUnexpected(failure.errcode)) altered_ = true;
  if (failure.errcode == SQLITE_BUSY_SNAPSHOT && holds_snapshots()) {
    failure.message +=
        ": an open iterator or blob handle on this connection still reads an older snapshot; finish it first";
  }
  // Without an offset in the statement's text, the name comes from the definition of a view, trigger or
  // table.
  if (failure.offset < 0 && IsAboutDoubleQuotes(failure.message))
    failure.message += " It stands in the schema: open the database with doubleQuotedStrings: true";
  const int primary = failure.errcode & 0xff;
  if (primary == SQLITE_INTERRUPT || primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
    const Stop stop = running_.ShouldStop();
    if (stop == Stop::kCancelled) return OwnFailure("ERR_CANCELLED", "the call was cancelled");
    if (stop == Stop::kInterrupted) return SqliteFailure(nullptr, SQLITE_INTERRUPT, sql);
    if (stop == Stop::kDeadline) return OwnFailure("ERR_TIMEOUT", "the call has passed its timeoutMs");
  }
  return failure;
}

}  // namespace aiosqlite

// Database: what SQLite asks and tells while it runs: locks, progress, commits, checkpoints.
#include <sqlite3.h>

#include <chrono>

#include "engine/sqlite/database.h"

namespace aiosqlite {

void Database::TakeOverBusyTimeout() {
  sqlite3_stmt* ask = nullptr;
  sqlite3_prepare_v2(db_, "PRAGMA busy_timeout", -1, &ask, nullptr);
  if (sqlite3_step(ask) == SQLITE_ROW) busy_timeout_ms_ = sqlite3_column_int(ask, 0);
  sqlite3_finalize(ask);
  sqlite3_busy_handler(db_, &Database::OnBusy, this);
}

int Database::OnBusy(void* self, int count) {
  auto* database = static_cast<Database*>(self);
  const std::chrono::milliseconds limit(database->busy_timeout_ms_);
  return database->patient_ && database->running_.WaitForLock(limit, count == 0) ? 1 : 0;
}

int Database::OnProgress(void* self) {
  const auto* database = static_cast<Database*>(self);
  // SQLite asks once more when a statement has ended, its commit included: then it must not be called
  // interrupted. And what ends a transaction is never cut off.
  const Statement* const stepping = database->stepping_;
  const bool over = stepping != nullptr &&
                    (stepping->traits().transaction_control || sqlite3_stmt_busy(stepping->handle()) == 0);
  const bool go_on = database->functions_.exception == 0 && database->running_.ShouldStop() == Stop::kNone;
  return over || go_on ? 0 : 1;
}

int Database::OnCommit(void* self) {
  auto* database = static_cast<Database*>(self);
  // A comparison of texts that has thrown must not decide what is stored; nor may what is to be undone stay.
  if (database->functions_.exception != 0 || database->undoing_ || database->doomed_) return 1;
  database->committed_ = true;
  return 0;
}

int Database::OnWal(void* self, sqlite3*, const char*, int pages) {
  auto* database = static_cast<Database*>(self);
  database->wal_pages_ = pages;
  if (pages < database->checkpoint_pages_) database->checkpoint_due_ = database->checkpoint_pages_;
  return SQLITE_OK;
}

void Database::CheckpointIfDue() {
  owner_.Check();
  if (checkpoint_pages_ <= 0 || wal_pages_ < checkpoint_due_ || in_transaction()) return;
  int pages = 0;
  int moved = 0;
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
  // What readers still need stays; then it is worth another try only after as much again.
  checkpoint_due_ = moved < pages ? wal_pages_ + checkpoint_pages_ : checkpoint_pages_;
  if (moved == pages) wal_pages_ = 0;
}

}  // namespace aiosqlite

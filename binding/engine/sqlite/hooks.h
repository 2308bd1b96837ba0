// Worker thread. The callbacks of one connection: waiting for locks, progress, commits, the WAL.
#pragma once

#include <string_view>
#include <utility>

#include "engine/features/functions.h"
#include "engine/job.h"
#include "engine/sqlite/statement.h"
#include "engine/worker/busy.h"
#include "engine/worker/owner.h"

struct sqlite3;

namespace aiosqlite {

// SQLite calls it while a statement runs. It can end that statement, so it also knows why one has failed.
class Hooks {
 public:
  Hooks(RunningJobs& running, FunctionHost& functions, int busy_timeout_ms)
      : running_(running), functions_(functions), busy_timeout_ms_(busy_timeout_ms) {}

  // Watches locks and progress from here on.
  void Install(sqlite3* db);
  // Watches commits and the WAL from here on. `checkpoint_pages`: see CheckpointIfDue; 0: never.
  void InstallForWrites(int checkpoint_pages);

  // ── locks ──
  // Naps, then returns true to try again; false when the wait should end. `count`: earlier tries for this
  // lock.
  bool WaitForLock(int count) { return OnBusy(this, count) != 0; }
  // Whether a wait for a lock has ended without the lock since the last call.
  bool TakeGaveUp() { return std::exchange(gave_up_, false); }
  // While false, nothing waits for a lock.
  void SetPatient(bool patient) { patient_ = patient; }
  // Puts our busy handler back in its place.
  void InstallBusyHandler();
  // SQLite's own timeout is deaf to deadlines (see RunningJobs). PRAGMA busy_timeout is prepared between
  // these two: it sees and sets SQLite's, and ours takes the value over.
  void LendBusyTimeout();
  void TakeOverBusyTimeout();

  // ── progress ──
  // The statement within sqlite3_step(); null outside of it.
  void SetStepping(const Statement* statement) { stepping_ = statement; }

  // ── commits ──
  // While true, every commit fails.
  void RefuseCommits(bool refuse) { refuses_commits_ = refuse; }
  // Whether a transaction that writes has committed since the last call.
  bool TakeCommit() { return std::exchange(committed_, false); }

  // ── the WAL ──
  // Moves the WAL into the file when it has grown long. Call it after the writers have been answered.
  void CheckpointIfDue();
  // Length of the WAL after the last commit.
  int wal_pages() const { return wal_pages_; }

  // ── failures ──
  // Describes a call that has returned `rc`. If a hook or a function has ended it, names that reason.
  Failure Failed(int rc, std::string_view sql);
  // Marks a connection that its lease must not hand on: a changed setting, an unexpected failure.
  void MarkAltered() { altered_ = true; }
  bool TakeAltered() { return std::exchange(altered_, false); }
  // Lives as long as a cursor or a blob handle, which may hold a snapshot.
  class SnapshotHold {
   public:
    explicit SnapshotHold(Hooks& hooks) : count_(hooks.snapshots_) { ++count_; }
    ~SnapshotHold() { --count_; }
    SnapshotHold(const SnapshotHold&) = delete;
    SnapshotHold& operator=(const SnapshotHold&) = delete;

   private:
    int& count_;
  };
  bool holds_snapshots() const { return snapshots_ > 0; }

 private:
  static int OnBusy(void* self, int count);
  static int OnProgress(void* self);
  static int OnCommit(void* self);
  static int OnWal(void* self, sqlite3* db, const char* name, int pages);

  const OwnerThread owner_;
  RunningJobs& running_;
  FunctionHost& functions_;
  sqlite3* db_ = nullptr;
  int busy_timeout_ms_;
  bool patient_ = true;
  bool gave_up_ = false;
  const Statement* stepping_ = nullptr;
  bool refuses_commits_ = false;
  bool committed_ = false;
  int wal_pages_ = 0;
  int checkpoint_pages_ = 0;
  int checkpoint_due_ = 0;  // the next checkpoint is tried at this length
  int snapshots_ = 0;
  bool altered_ = false;
};

}  // namespace aiosqlite

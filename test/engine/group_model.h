// What group commit promises, as a table that can be run: for up to some jobs and what befalls them, what
// each is told. Beside ARCHITECTURE.md, "Group commit"; it knows no SQL and no threads.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aiosqlite::test {

/// What a job does.
enum class ModelJob {
  kWrites,           // run()
  kWritesMany,       // executeMany()
  kWritesBatch,      // batch()
  kFails,            // writes, then breaks a constraint: undone alone
  kKills,            // RAISE(ROLLBACK): takes the transaction with it
  kReads,            // no member: the group commits before it
  kCancelsNext,      // writes; while it runs, the job behind it is cancelled
  kCancelsPrevious,  // the same with the one before it
  kCancelsItself,    // a write that is cancelled while it runs
};
inline constexpr int kModelJobs = 9;

/// What befalls them all, by the number of the attempt.
enum class Fate {
  kNone,
  kCommitFails,          // the first COMMIT: full disk
  kCommitFailsTwice,     // then the jobs run one by one
  kCommitFailsThrice,    // and the first of them meets it again
  kCommitBusy,           // the lock for the first COMMIT can't be had
  kCommitBusyCancelled,  // and meanwhile the first job is cancelled
  kBeginBusy,            // the lock for the first BEGIN can't be had
  kBeginBusyCancelled,   // and meanwhile the first job is cancelled
  kLastCancelled,        // while the first BEGIN asks for the lock, the last job is cancelled
};
inline constexpr int kFates = 9;

/// "withdrawn": it was taken back before it ran, and nobody is told. Else "" or the failure's code.
/// Another read is queued behind them.
using Told = std::vector<std::string>;
Told Predict(const std::vector<ModelJob>& jobs, Fate fate);

}  // namespace aiosqlite::test

// The promises of group commit as an executable model: from a few jobs and one fate to the outcome of each
// job. Companion of binding/README.md, "Group commit"; the model uses neither SQL nor threads.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aiosqlite::test {

/// Kind of a job.
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

/// Fate of the whole group, by the number of the attempt.
enum class Fate {
  kNone,
  kCommitFails,          // the first COMMIT: full disk
  kCommitFailsTwice,     // then the jobs run one by one
  kCommitFailsThrice,    // and COMMIT fails for the first of them too
  kCommitBusy,           // the lock for the first COMMIT can't be had
  kCommitBusyCancelled,  // and meanwhile the first job is cancelled
  kBeginBusy,            // the lock for the first BEGIN can't be had
  kBeginBusyCancelled,   // and meanwhile the first job is cancelled
  kLastCancelled,        // while the first BEGIN asks for the lock, the last job is cancelled
};
inline constexpr int kFates = 9;

/// "withdrawn": the job was taken back before it ran and has no outcome. Else "" or the failure's code.
/// Another read is queued behind the jobs.
using Told = std::vector<std::string>;
Told Predict(const std::vector<ModelJob>& jobs, Fate fate);

}  // namespace aiosqlite::test

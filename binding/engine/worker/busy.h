// Worker thread. Waits for locks of other connections; deadlines, cancellation and closing end the wait.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/job.h"
#include "engine/worker/queue.h"

namespace aiosqlite {

// Reason to end a running job early.
enum class Stop : uint8_t { kNone, kCancelled, kDeadline, kClosing, kInterrupted };

// Limits of the running jobs: of one, or of a whole group while it waits for a lock. SQLite's progress
// handler asks it, so that an interrupt ends this job alone: sqlite3_interrupt would end the next one if it
// came late (sqlite.org/c3ref/interrupt.html).
class RunningJobs {
 public:
  RunningJobs(Queue& queue, const std::atomic<bool>& stopped, const std::atomic<bool>& closing)
      : queue_(queue), stopped_(stopped), closing_(closing) {}

  // From here on the cancellation and the deadline of these jobs count, and waiting for locks starts from
  // zero.
  void Set(std::vector<const Job*> jobs) {
    jobs_ = std::move(jobs);
    waiting_since_.reset();
    resumes_ = false;
    running_.store(jobs_.empty() ? 0 : jobs_.front()->id, std::memory_order_release);
  }
  // This one is about to be set: from here on an interrupt is meant for it.
  void Announce(const Job& job) { running_.store(job.id, std::memory_order_release); }
  // As Set, but the time already waited counts.
  void Narrow(std::vector<const Job*> jobs) {
    jobs_ = std::move(jobs);
    resumes_ = true;
  }
  // Counts the next wait from `since`: this group, perhaps with more members, has waited that long.
  void Resume(Clock::time_point since) {
    waiting_since_ = since;
    resumes_ = true;
  }
  // Begin of the wait for a lock, if there is one.
  std::optional<Clock::time_point> waiting_since() const { return waiting_since_; }
  // Ends the one that runs now. Any thread.
  void Interrupt();
  // Whether one of them should end, and why.
  Stop ShouldStop() const;
  static Stop ShouldStop(const Job& job, Clock::time_point now);

  // SQLite's busy handler (sqlite.org/c3ref/busy_handler.html): a nap of 1 to 5 ms, then true to try again;
  // false when `limit` is used up or a job should stop. Nothing ends SQLite's own timeout early.
  // `first`: the first try for this lock. A connection that closes waits kClosingWait altogether: for the
  // write lock that a reader of the same process takes for a moment to read the WAL-index again
  // (sqlite.org/walformat.html), and hardly longer for the lock of a program that keeps it.
  bool WaitForLock(std::chrono::milliseconds limit, bool first);

  static constexpr std::chrono::milliseconds kClosingWait{100};

 private:
  Queue& queue_;
  const std::atomic<bool>& stopped_;
  const std::atomic<bool>& closing_;
  std::vector<const Job*> jobs_;
  std::optional<Clock::time_point> waiting_since_;
  Clock::duration waited_while_closing_{};
  bool resumes_ = false;  // the next lock is the last one, asked for again
  // The job that runs, and the one that was interrupted: 0 for none. An interrupt that comes too late for its
  // job hits no other.
  std::atomic<JobId> running_{0};
  std::atomic<JobId> interrupted_{0};
  uint32_t random_ = 0x9E3779B9;
};

}  // namespace aiosqlite

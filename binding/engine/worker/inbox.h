// Any thread. Where jobs wait, in the order in which they were made.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/job.h"

namespace aiosqlite {

// One connection's queue, or the common queue of a pool's readers: whoever is free takes the next job.
//
// Jobs are staged first and published together, once per turn of the caller's event loop: a burst of calls
// costs one wake-up, and writes made in one turn meet in one commit.
class Inbox {
 public:
  struct Limits {
    size_t jobs = 100'000;
    size_t bytes = size_t{256} << 20;
  };

  explicit Inbox(Limits limits) : limits_(limits) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // False if the queue is full; the job is then destroyed. kEnd and kClose are always taken.
  bool Stage(JobPtr job);
  void Publish();

  // True if the job was still queued: it will never run and nothing is posted for it.
  // False: it runs or has finished; its outcome tells. With `even_running` it is interrupted where that still
  // can be.
  bool Cancel(JobId id, bool even_running);
  // Takes every queued job out of a lane; nothing is posted for them. What runs there is interrupted.
  std::vector<JobId> Drain(LaneId lane);
  // Main-lane jobs that have waited since before `time`, taken out; nothing is posted for them.
  std::vector<JobId> Expire(Clock::time_point time);
  // Whether a worker waits awake for what is published next.
  bool watched() const { return watchers_.load(std::memory_order_relaxed) > 0; }
  // Waiting jobs, staged ones included.
  size_t pending() const { return pending_.load(std::memory_order_relaxed); }

  // ── workers ──

  // Blocks until there is a job in `lane`, or until `stopped`; null then. Cancelled jobs are dropped on the
  // way.
  JobPtr Take(LaneId lane, const std::atomic<bool>& stopped);
  // The next job of the main lane if there is one, without waiting.
  JobPtr TryTake();
  // Jobs of the main lane that could be taken now.
  size_t Ready();
  // A taken job has ended: it can't be cancelled any more.
  void Forget(const Job& job);
  // A transaction or a lease has ended. What still waited for it comes back.
  std::vector<JobPtr> RemoveLane(LaneId lane);
  // Wakes every worker that waits, so that it looks at its flags.
  void WakeAll();
  // Sleeps for `time` at most; ended early by WakeAll or by a Cancel.
  void Doze(Clock::duration time);

 private:
  using Lane = std::deque<JobPtr>;

  Lane* Find(LaneId lane);
  JobPtr PopFront(Lane& lane);
  void Discount(Job& job);
  void DropShells();
  template <class Jobs, class Wanted>
  std::vector<JobId> Remove(Jobs& jobs, const Wanted& wanted);

  const Limits limits_;
  // Apart, so that a caller who stages does not meet the workers. Where both are held, this one was first.
  std::mutex staging_;
  std::vector<JobPtr> staged_;
  mutable std::mutex mutex_;
  std::condition_variable main_ready_;
  std::condition_variable lane_ready_;
  std::condition_variable doze_;
  Lane main_;
  std::unordered_map<LaneId, Lane> lanes_;
  std::unordered_map<JobId, Job*> cancellable_;
  size_t shells_ = 0;  // cancelled jobs that still stand in a lane
  size_t main_sleepers_ = 0;
  size_t lane_sleepers_ = 0;
  std::atomic<int> watchers_{0};
  std::atomic<size_t> pending_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<uint32_t> published_{0};  // grows with every publication: what a spinning worker watches
};

}  // namespace aiosqlite

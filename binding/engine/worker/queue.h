// Any thread. Queue of jobs, in the order of their calls.
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

// One connection's queue, or the common queue of a pool's readers: a free worker takes the next job.
//
// Jobs are staged first and published together, once per turn of the caller's event loop: a burst of calls
// costs one wake-up, and writes of one turn share a commit.
class Queue {
 public:
  struct Limits {
    size_t jobs = 100'000;
    size_t bytes = size_t{256} << 20;
  };

  explicit Queue(Limits limits) : limits_(limits) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // False if the queue is full; the job is then destroyed. kEnd, kClose and kCloseResource are
  // always taken.
  bool Stage(JobPtr job);
  void Publish();

  // True if the job was still queued: it will never run and nothing is posted for it.
  // False: it runs or has finished, and its outcome comes. With `even_running` it is interrupted if it runs.
  bool Cancel(JobId id, bool even_running);
  // Takes every queued job out of a lane; nothing is posted for them. Interrupts the running one.
  std::vector<JobId> Drain(LaneId lane);
  // Main-lane jobs that have waited since before `time`, taken out; nothing is posted for them. kEnd, kClose
  // and kCloseResource stay.
  std::vector<JobId> Expire(Clock::time_point time);
  // Whether a worker spins until the next publication.
  bool has_spinning_worker() const { return spinning_.load(std::memory_order_relaxed) > 0; }
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
  // A transaction or a lease has ended. Returns its waiting jobs.
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
  // Separate mutex, so that staging never contends with workers. Lock order: staging_, then mutex_.
  std::mutex staging_;
  std::vector<JobPtr> staged_;
  mutable std::mutex mutex_;
  std::condition_variable main_ready_;
  std::condition_variable lane_ready_;
  std::condition_variable doze_;
  Lane main_;
  std::unordered_map<LaneId, Lane> lanes_;
  std::unordered_map<JobId, Job*> cancellable_;
  size_t shells_ = 0;  // cancelled jobs that are still in a lane
  size_t main_sleepers_ = 0;
  size_t lane_sleepers_ = 0;
  std::atomic<int> spinning_{0};
  std::atomic<size_t> pending_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<uint32_t> published_{0};  // grows with every publication; spinning workers read it
};

}  // namespace aiosqlite

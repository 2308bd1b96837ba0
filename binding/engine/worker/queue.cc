#include "engine/worker/queue.h"

#include <algorithm>
#include <optional>

#include "engine/worker/spin.h"

namespace aiosqlite {
namespace {

// Shells go when their turn comes, or all at once when there are many, and more than waiting jobs. Otherwise
// aborted calls would pile up behind a worker that is stuck.
constexpr size_t kManyShells = 64;

// Without it, what it ends would stay open. So a full queue takes it, and it never waits too long.
bool EndsSomething(const Job& job) {
  return job.request == Request::kEnd || job.request == Request::kClose ||
         job.request == Request::kCloseResource;
}

}  // namespace

bool Queue::Stage(JobPtr job) {
  const bool must_pass = EndsSomething(*job);
  const std::lock_guard<std::mutex> staging(staging_);
  const size_t pending = pending_.load(std::memory_order_relaxed);
  const size_t bytes = bytes_.load(std::memory_order_relaxed) + job->byte_size;
  if (!must_pass && (pending >= limits_.jobs || (pending > 0 && bytes > limits_.bytes))) return false;
  pending_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(job->byte_size, std::memory_order_relaxed);
  job->queued_at = Clock::now();
  job->queued = true;
  if (job->cancellable) {
    const std::lock_guard<std::mutex> lock(mutex_);
    cancellable_.emplace(job->id, job.get());
  }
  staged_.push_back(std::move(job));
  return true;
}

void Queue::Publish() {
  size_t to_main = 0;
  bool to_lanes = false;
  {
    const std::lock_guard<std::mutex> staging(staging_);
    if (staged_.empty()) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    for (JobPtr& job : staged_) {
      const bool is_main = job->lane == kMainLane;
      to_main += is_main ? 1 : 0;
      to_lanes |= !is_main;
      Lane& lane = is_main ? main_ : lanes_[job->lane];
      lane.push_back(std::move(job));
    }
    staged_.clear();
    published_.fetch_add(1, std::memory_order_release);
    to_main = std::min(to_main, main_sleepers_);
    to_lanes &= lane_sleepers_ > 0;
  }
  for (; to_main > 0; --to_main) main_ready_.notify_one();
  // Workers that share a queue wait for different lanes, so all of them look.
  if (to_lanes) lane_ready_.notify_all();
}

bool Queue::Cancel(JobId id, bool even_running) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = cancellable_.find(id);
    if (found == cancellable_.end()) return false;
    Job& job = *found->second;
    if (job.queued) {
      Discount(job);
      job.entries = Entries{};  // PopFront drops the shell when it comes by
      if (++shells_ > kManyShells && shells_ > pending()) DropShells();
      return true;
    }
    if (!even_running) return false;
    job.cancelled.store(true, std::memory_order_release);
  }
  doze_.notify_all();
  return false;
}

template <class Jobs, class Wanted>
std::vector<JobId> Queue::Remove(Jobs& jobs, const Wanted& wanted) {
  std::vector<JobId> removed;
  const auto take = [&](const JobPtr& job) {
    if (!job->queued || !wanted(*job)) return false;
    removed.push_back(job->id);
    Discount(*job);
    return true;
  };
  jobs.erase(std::remove_if(jobs.begin(), jobs.end(), take), jobs.end());
  return removed;
}

std::vector<JobId> Queue::Drain(LaneId id) {
  std::vector<JobId> drained;
  {
    const std::lock_guard<std::mutex> staging(staging_);
    const std::lock_guard<std::mutex> lock(mutex_);
    // Not the lane's own end, or its worker would serve it for ever.
    const auto wanted = [id](const Job& job) { return job.lane == id && job.request != Request::kEnd; };
    drained = Remove(staged_, wanted);
    if (Lane* lane = Find(id)) {
      const std::vector<JobId> waiting = Remove(*lane, wanted);
      drained.insert(drained.end(), waiting.begin(), waiting.end());
    }
    for (const auto& [_, job] : cancellable_) {
      if (wanted(*job)) job->cancelled.store(true, std::memory_order_release);
    }
  }
  doze_.notify_all();
  return drained;
}

std::vector<JobId> Queue::Expire(Clock::time_point time) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Remove(main_, [time](const Job& job) { return job.queued_at <= time && !EndsSomething(job); });
}

JobPtr Queue::Take(LaneId id, const std::atomic<bool>& stopped) {
  std::unique_lock<std::mutex> lock(mutex_);
  std::optional<Clock::time_point> since;
  while (!stopped.load(std::memory_order_acquire)) {
    if (Lane* lane = Find(id)) {
      if (JobPtr job = PopFront(*lane)) {
        if (since) spin::Waited(Clock::now() - *since);
        return job;
      }
    }
    if (!since) since = Clock::now();
    const uint32_t seen = published_.load(std::memory_order_acquire);
    lock.unlock();
    spinning_.fetch_add(1, std::memory_order_relaxed);
    const bool again = spin::UntilChanged(published_, seen, stopped);
    spinning_.fetch_sub(1, std::memory_order_relaxed);
    lock.lock();
    if (again || published_.load(std::memory_order_acquire) != seen) continue;
    const bool is_main = id == kMainLane;
    size_t& sleepers = is_main ? main_sleepers_ : lane_sleepers_;
    ++sleepers;
    // Not until `published_` differs: what another worker has taken would wake this one for nothing.
    (is_main ? main_ready_ : lane_ready_).wait(lock, [&] {
      const Lane* lane = Find(id);
      return stopped.load(std::memory_order_acquire) || (lane != nullptr && !lane->empty());
    });
    --sleepers;
  }
  return nullptr;
}

JobPtr Queue::TryTake() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return PopFront(main_);
}

size_t Queue::Ready() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return main_.size();
}

void Queue::Forget(const Job& job) {
  if (!job.cancellable) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  cancellable_.erase(job.id);
}

std::vector<JobPtr> Queue::RemoveLane(LaneId id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<JobPtr> left;
  const auto found = lanes_.find(id);
  if (found == lanes_.end()) return left;
  while (JobPtr job = PopFront(found->second)) left.push_back(std::move(job));
  lanes_.erase(found);
  return left;
}

void Queue::WakeAll() {
  // Taken so that a worker which has just looked at its flags is already waiting.
  {
    const std::lock_guard<std::mutex> lock(mutex_);
  }
  main_ready_.notify_all();
  lane_ready_.notify_all();
  doze_.notify_all();
}

void Queue::Doze(Clock::duration time) {
  std::unique_lock<std::mutex> lock(mutex_);
  doze_.wait_for(lock, time);
}

Queue::Lane* Queue::Find(LaneId id) {
  if (id == kMainLane) return &main_;
  const auto found = lanes_.find(id);
  return found == lanes_.end() ? nullptr : &found->second;
}

JobPtr Queue::PopFront(Lane& lane) {
  while (!lane.empty()) {
    JobPtr job = std::move(lane.front());
    lane.pop_front();
    if (!job->queued) {  // cancelled
      --shells_;
      continue;
    }
    pending_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(job->byte_size, std::memory_order_relaxed);
    job->queued = false;
    return job;
  }
  return nullptr;
}

// Those that are only staged are under another lock, and come to their lane in a moment.
void Queue::DropShells() {
  const auto drop = [this](Lane& lane) {
    const auto is_shell = [](const JobPtr& job) { return !job->queued; };
    const auto shells = std::remove_if(lane.begin(), lane.end(), is_shell);
    shells_ -= static_cast<size_t>(lane.end() - shells);
    lane.erase(shells, lane.end());
  };
  drop(main_);
  for (auto& [_, lane] : lanes_) drop(lane);
}

// Counts out a job that will never run.
void Queue::Discount(Job& job) {
  pending_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(job.byte_size, std::memory_order_relaxed);
  job.queued = false;
  if (job.cancellable) cancellable_.erase(job.id);
}

}  // namespace aiosqlite

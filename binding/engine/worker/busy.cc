#include "engine/worker/busy.h"

#include <algorithm>

namespace aiosqlite {

Stop RunningJobs::ShouldStop(const Job& job, Clock::time_point now) {
  if (job.cancelled.load(std::memory_order_acquire)) return Stop::kCancelled;
  return job.Expired(now) ? Stop::kDeadline : Stop::kNone;
}

Stop RunningJobs::ShouldStop() const {
  if (stopped_.load(std::memory_order_acquire)) return Stop::kClosing;
  const JobId interrupted = interrupted_.load(std::memory_order_relaxed);
  if (interrupted != 0 && interrupted == running_.load(std::memory_order_relaxed)) return Stop::kInterrupted;
  for (const Job* job : jobs_) {
    // Reading the clock costs more than the rest: only for those that have a deadline.
    const bool timed = job->deadline != Clock::time_point::max();
    const Stop stop = ShouldStop(*job, timed ? Clock::now() : Clock::time_point::min());
    if (stop != Stop::kNone) return stop;
  }
  return Stop::kNone;
}

void RunningJobs::Interrupt() {
  interrupted_.store(running_.load(std::memory_order_acquire), std::memory_order_relaxed);
  queue_.WakeAll();
}

bool RunningJobs::WaitForLock(std::chrono::milliseconds limit, bool first) {
  const auto now = Clock::now();
  if (first && !std::exchange(resumes_, false)) waiting_since_.reset();
  if (!waiting_since_) waiting_since_ = now;
  const auto waited = now - *waiting_since_;
  const bool closing = closing_.load(std::memory_order_acquire);
  if (ShouldStop() != Stop::kNone || waited >= limit || (closing && waited_while_closing_ >= kClosingWait))
    return false;
  // Jitter, so that processes that were refused together don't come back together (xorshift).
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  Clock::duration nap = std::chrono::microseconds(1000 + random_ % 4000);
  nap = std::min<Clock::duration>(nap, limit - waited);
  for (const Job* job : jobs_) {
    if (job->deadline != Clock::time_point::max()) nap = std::min(nap, job->deadline - now);
  }
  queue_.Doze(nap);
  if (closing) waited_while_closing_ += Clock::now() - now;
  return true;
}

}  // namespace aiosqlite

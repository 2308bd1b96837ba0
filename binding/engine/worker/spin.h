// Short waits without sleeping: all of them, with their times and counts.
//
// A sleeping thread takes longer to wake than most statements take to run. Spinning burns a core, so a thread
// spins only where that is free and likely to pay.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace aiosqlite::spin {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// ── a worker without a job ──

// Time between two awaited calls of one caller, with some work of its own in between.
constexpr microseconds kJobWait{100};
// A gap of this length between two looks: the thread was preempted, so another thread needs the core.
constexpr microseconds kPreempted{50};
// Time without spinning after that.
constexpr milliseconds kBackOff{50};

// Worker thread. Watches `value` for up to kJobWait; true once it differs from `seen` or `stopped` is set.
// Returns at once under a CPU quota, if no core is idle, after a preemption, and after a longer wait.
bool UntilChanged(const std::atomic<uint32_t>& value, uint32_t seen, const std::atomic<bool>& stopped);

// Worker thread. How long it has waited in the end, asleep or not.
void Waited(std::chrono::steady_clock::duration time);

// ── the JavaScript thread, after it has published a job that is alone in its environment ──

// Longest wait. An awaited get takes 12 µs instead of 27 µs by way of the event loop, and less of the
// thread's time.
constexpr microseconds kDirectWait{12};
// So many in a row, then the event loop has its turn.
constexpr int kMostDirect = 8;
// After a wait in vain, so many jobs go by way of the event loop; after the next one twice as many ...
constexpr int kFirstSkip = 16;
// ... up to this number.
constexpr int kLongestSkip = 1024;

// JavaScript thread. Decides which outcomes are waited for in place.
class DirectWait {
 public:
  // Whether the outcome of the next job is.
  bool IsDue();
  // Waits until `finished` is not 0, for kDirectWait at most.
  static void Until(const std::atomic<size_t>& finished);
  void Ended(bool in_vain);
  // The event loop has had its turn.
  void Turned() { in_a_row_ = 0; }

 private:
  int in_a_row_ = 0;
  int skip_ = 0;
  int next_skip_ = kFirstSkip;
};

// ── both, while a statement calls a function of JavaScript ──

// Of the worker for the answer, of the JavaScript thread for the next call of the same query.
constexpr microseconds kAnswerWait{50};
constexpr microseconds kNextCallWait{20};

// Any thread. Yields until `ready()`, for this time at most.
template <class Ready>
void YieldUntil(Ready ready, microseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!ready() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
}

}  // namespace aiosqlite::spin

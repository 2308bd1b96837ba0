// Worker thread. A short wait without sleeping.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace aiosqlite::spin {

// Watches `value` for up to 100 µs; true once it differs from `seen` or `stopped` is set.
//
// A sleeping thread takes longer to wake than most statements take to run (measured: an awaited round trip of
// 40-57 µs with sleep, 18 µs without). Spinning burns a core, so it is done only where one is free and it is
// likely to pay: not under a CPU quota, not by more threads than there are cores to spare, not by a thread
// that was preempted while it span, and not by one whose last wait was longer.
bool UntilChanged(const std::atomic<uint32_t>& value, uint32_t seen, const std::atomic<bool>& stopped);

// Whether there is a core for a thread that waits so.
bool HasSpareCore();
// Tells the core that this is such a wait.
void Pause();

// How long this thread has waited in the end, asleep or not.
void Waited(std::chrono::steady_clock::duration time);

}  // namespace aiosqlite::spin

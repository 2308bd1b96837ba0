// Worker thread. A short wait without sleeping.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace aiosqlite::spin {

// Watches `value` for up to 100 µs; true once it differs from `seen` or `stopped` is set.
//
// A sleeping thread takes longer to wake than most statements take to run. Spinning burns a core, so a thread
// spins only if that is free and likely to pay. It does not spin under a CPU quota, beside as many spinning
// threads as there are cores to spare, after it was preempted while spinning, or after a longer wait.
bool UntilChanged(const std::atomic<uint32_t>& value, uint32_t seen, const std::atomic<bool>& stopped);

// Whether there is a core for a thread that waits so.
bool HasSpareCore();
// Tells the core that this is such a wait.
void Pause();

// How long this thread has waited in the end, asleep or not.
void Waited(std::chrono::steady_clock::duration time);

}  // namespace aiosqlite::spin

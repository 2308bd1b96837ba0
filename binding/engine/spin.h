// Worker thread. A short wait without sleeping.
#pragma once

#include <atomic>
#include <cstdint>

namespace aiosqlite::spin {

// Watches `value` for some microseconds; true once it differs from `seen` or `stopped` is set.
//
// A sleeping thread takes longer to wake than most statements take to run (measured: an awaited round trip of
// 40-57 µs with sleep, 18 µs without). Spinning burns a core, so it is done only where one is free: not under
// a CPU quota, not by more threads than there are cores to spare, and not by a worker for which it has not
// paid lately.
bool UntilChanged(const std::atomic<uint32_t>& value, uint32_t seen, const std::atomic<bool>& stopped);

}  // namespace aiosqlite::spin

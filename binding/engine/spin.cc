#include "engine/spin.h"

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace aiosqlite::spin {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kBudget = std::chrono::microseconds(25);
constexpr int kMaxMisses = 8;    // after so many in a row ...
constexpr int kRetryEvery = 64;  // ... only one wait in this many tries again

void Pause() {
#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
  _mm_pause();
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// A quota makes a spinning thread eat the time of the others (docs.kernel.org/admin-guide/cgroup-v2.html,
// cpu.max).
bool HasCpuQuota() {
#if defined(__linux__)
  std::string word;
  if (std::ifstream("/sys/fs/cgroup/cpu.max") >> word) return word != "max";
  long quota = -1;
  if (std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota) return quota > 0;
#endif
  return false;
}

int SpareCores() {
  static const int spare =
      HasCpuQuota() ? 0 : static_cast<int>(std::thread::hardware_concurrency()) - 1;  // one is JavaScript's
  return spare;
}

std::atomic<int> spinning{0};
thread_local int misses = 0;

}  // namespace

bool UntilChanged(const std::atomic<uint32_t>& value, uint32_t seen, const std::atomic<bool>& stopped) {
  if (misses >= kMaxMisses && ++misses % kRetryEvery != 0) return false;
  const int spare = SpareCores();
  if (spare <= 0) return false;
  bool changed = false;
  if (spinning.fetch_add(1, std::memory_order_relaxed) < spare) {
    const auto until = Clock::now() + kBudget;
    do {
      for (int i = 0; i < 32 && !changed; ++i) {
        changed = value.load(std::memory_order_acquire) != seen || stopped.load(std::memory_order_relaxed);
        Pause();
      }
    } while (!changed && Clock::now() < until);
    if (changed) {
      misses = 0;
    } else {
      ++misses;
    }
  }
  spinning.fetch_sub(1, std::memory_order_relaxed);
  return changed;
}

}  // namespace aiosqlite::spin

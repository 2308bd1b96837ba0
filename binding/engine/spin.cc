#include "engine/spin.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
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

#if defined(__linux__)
// The first word of a file; empty without one. Not by <fstream>: where the C++ library is linked statically,
// its locales are a tenth of the addon.
std::string FirstWord(const char* path) {
  char word[32] = "";
  if (FILE* file = std::fopen(path, "re")) {
    if (std::fscanf(file, "%31s", word) != 1) word[0] = '\0';
    std::fclose(file);
  }
  return word;
}
#endif

// A quota makes a spinning thread eat the time of the others (docs.kernel.org/admin-guide/cgroup-v2.html,
// cpu.max).
bool HasCpuQuota() {
#if defined(__linux__)
  if (const std::string quota = FirstWord("/sys/fs/cgroup/cpu.max"); !quota.empty()) return quota != "max";
  if (std::atol(FirstWord("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").c_str()) > 0) return true;
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

#include "engine/worker/spin.h"

#include <algorithm>
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
thread_local Clock::duration last_wait = Clock::duration::max();
thread_local Clock::time_point not_before{};

// Tells the core that the thread spins.
void Pause() {
#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
  _mm_pause();
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void Waited(std::chrono::steady_clock::duration time) { last_wait = time; }

bool UntilChanged(const std::atomic<uint32_t>& value, uint32_t seen, const std::atomic<bool>& stopped) {
  const int spare = SpareCores();
  if (last_wait > kJobWait || spare <= 0) return false;
  auto now = Clock::now();
  if (now < not_before) return false;
  bool changed = false;
  if (spinning.fetch_add(1, std::memory_order_relaxed) < spare) {
    const auto until = now + kJobWait;
    while (!changed && now < until) {
      for (int i = 0; i < 32 && !changed; ++i) {
        changed = value.load(std::memory_order_acquire) != seen || stopped.load(std::memory_order_relaxed);
        Pause();
      }
      const auto before = now;
      now = Clock::now();
      if (now - before > kPreempted) {
        not_before = now + kBackOff;
        break;
      }
    }
  }
  spinning.fetch_sub(1, std::memory_order_relaxed);
  return changed;
}

bool DirectWait::IsDue() {
  if (skip_ > 0) {
    --skip_;
    return false;
  }
  if (in_a_row_ < kMostDirect && SpareCores() > 0) return true;
  in_a_row_ = 0;
  return false;
}

void DirectWait::Until(const std::atomic<size_t>& finished) {
  const auto until = Clock::now() + kDirectWait;
  while (finished.load(std::memory_order_acquire) == 0 && Clock::now() < until) Pause();
}

void DirectWait::Ended(bool in_vain) {
  if (in_vain) {
    skip_ = next_skip_;
    next_skip_ = std::min(2 * next_skip_, kLongestSkip);
  } else {
    next_skip_ = kFirstSkip;
    ++in_a_row_;
  }
}

}  // namespace aiosqlite::spin

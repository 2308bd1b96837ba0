#include "engine/worker/spin.h"

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
// Time between two awaited calls of one caller, with some work of its own in between.
constexpr auto kBudget = std::chrono::microseconds(100);
// A gap of this length between two looks: the thread was preempted, so another thread needs the core.
constexpr auto kPreempted = std::chrono::microseconds(50);
// Time without spinning after that.
constexpr auto kBackOff = std::chrono::milliseconds(50);

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

}  // namespace

void Pause() {
#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
  _mm_pause();
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

bool HasSpareCore() { return SpareCores() > 0; }

void Waited(std::chrono::steady_clock::duration time) { last_wait = time; }

bool UntilChanged(const std::atomic<uint32_t>& value, uint32_t seen, const std::atomic<bool>& stopped) {
  const int spare = SpareCores();
  if (last_wait > kBudget || spare <= 0) return false;
  auto now = Clock::now();
  if (now < not_before) return false;
  bool changed = false;
  if (spinning.fetch_add(1, std::memory_order_relaxed) < spare) {
    const auto until = now + kBudget;
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

}  // namespace aiosqlite::spin

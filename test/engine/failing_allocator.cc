#include "failing_allocator.h"

#include <sqlite3.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace aiosqlite::test {
namespace {

sqlite3_mem_methods inner;
std::atomic<bool> counting{false};
std::atomic<int64_t> counted{0};
std::atomic<int64_t> fails{0};
std::atomic<bool> fails_for_good{false};

bool Fails() {
  if (!counting.load(std::memory_order_relaxed)) return false;
  const int64_t number = counted.fetch_add(1) + 1;
  const int64_t first = fails.load(std::memory_order_relaxed);
  return first != 0 &&
         (number == first || (number > first && fails_for_good.load(std::memory_order_relaxed)));
}

}  // namespace

void InstallFailingAllocator() {
  // sqlite.org/c3ref/c_config_covering_index_scan.html#sqliteconfigmalloc
  int rc = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &inner);
  if (rc == SQLITE_OK) {
    sqlite3_mem_methods failing = inner;
    failing.xMalloc = [](int size) { return Fails() ? nullptr : inner.xMalloc(size); };
    failing.xRealloc = [](void* old, int size) { return Fails() ? nullptr : inner.xRealloc(old, size); };
    rc = sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
  }
  if (rc == SQLITE_OK) return;
  std::fprintf(stderr, "SQLite does not take another allocator: %s\n", sqlite3_errstr(rc));
  std::exit(1);
}

AllocationFault::AllocationFault(int64_t nth, bool for_good) {
  counted = 0;
  fails = nth;
  fails_for_good = for_good;
  counting = true;
}

AllocationFault::~AllocationFault() { counting = false; }

int64_t AllocationFault::count() const { return counted; }

}  // namespace aiosqlite::test

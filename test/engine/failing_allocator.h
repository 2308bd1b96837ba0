// Memory that runs out where a test says so: SQLite's allocator, wrapped (sqlite.org/malloc.html).
#pragma once

#include <cstdint>

namespace aiosqlite::test {

/// To be called once, before SQLite is used for the first time: main() does.
void InstallFailingAllocator();

/// Counts SQLite's allocations as long as it lives, and fails the `nth` (from 1; 0: none), or with `for_good`
/// that one and all after it. One at a time; any thread allocates.
class AllocationFault {
 public:
  explicit AllocationFault(int64_t nth, bool for_good = false);
  ~AllocationFault();
  AllocationFault(const AllocationFault&) = delete;
  AllocationFault& operator=(const AllocationFault&) = delete;

  /// How many there have been.
  int64_t count() const;
};

}  // namespace aiosqlite::test

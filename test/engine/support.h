// What the engine's tests are made of: jobs, outcomes, files that delete themselves, connections; and time.
#pragma once

#include <chrono>
#include <functional>

#include "client.h"
#include "files.h"
#include "jobs.h"
#include "outcomes.h"
#include "test.h"

namespace aiosqlite::test {

class Stopwatch {
 public:
  milliseconds elapsed() const { return std::chrono::duration_cast<milliseconds>(Clock::now() - began_); }

 private:
  Clock::time_point began_ = Clock::now();
};

/// What depends on the scheduler, such as whether all of a group's work fits into its 5 ms, gets several
/// tries.
bool OnOneOfManyTries(const std::function<bool()>& attempt);

/// Whether this build is so slow that hardly anything fits into 5 ms: under a sanitizer, with SQLite's
/// assertions, or, as AIOSQLITE_SLOW says, under valgrind or an emulator.
bool IsSlow();

/// Whether the long versions of tests are wanted: AIOSQLITE_SOAK=1, as `npm run test:soak` has it.
bool IsSoak();

/// A query that runs until it is interrupted.
inline constexpr char kEndless[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

}  // namespace aiosqlite::test

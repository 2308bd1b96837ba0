// The parts of the engine's tests: jobs, outcomes, files that delete themselves, connections; and time.
//
// Tests must not race the machine. A wait is ended by an event that they bring about, while the limit that
// would end it otherwise, kForeverMs, lies beyond what a test may take. Elapsed time is compared with lower
// bounds only.
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

/// Waits until `condition` holds; after a minute the test fails.
void Until(const std::function<bool()>& condition);

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

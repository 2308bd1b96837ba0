// Reads outcomes of jobs.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/job.h"

namespace aiosqlite::test {

/// Collects outcomes. Any thread.
class Outcomes final : public OutcomeSink {
 public:
  void Post(std::vector<Outcome>&& outcomes) override;
  /// Waits for it; after two minutes the test fails, and the failure's code is "NEVER".
  Outcome Await(JobId id);
  bool Has(JobId id) const;
  /// How often it was posted: everything but 0 and 1 is a bug.
  size_t Times(JobId id) const;
  /// In the order of their posting.
  std::vector<JobId> Order() const;
  /// Called on the worker's thread with what is about to be collected.
  void OnPost(std::function<void(const std::vector<Outcome>&)> hook);

 private:
  mutable std::mutex mutex_;
  std::condition_variable posted_;
  std::map<JobId, Outcome> outcomes_;
  std::map<JobId, size_t> times_;
  std::vector<JobId> order_;
  std::function<void(const std::vector<Outcome>&)> hook_;
};

/// "" for success, else the code.
std::string CodeOf(const Outcome& outcome);
/// An empty one if it has succeeded.
Failure FailureOf(const Outcome& outcome);
/// The rows of one result as one JSON array, null for blobs and big integers: `[[1,"a"],[2,"b"]]`.
std::string RowsOf(const Outcome& outcome, size_t result = 0);

}  // namespace aiosqlite::test

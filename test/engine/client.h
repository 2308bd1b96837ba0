// Connections without Node: a worker with its inbox, or a Database on the test's own thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/database.h"
#include "engine/inbox.h"
#include "engine/worker.h"
#include "jobs.h"
#include "outcomes.h"

namespace aiosqlite::test {

/// One worker with an inbox of its own: what the JavaScript side would hold. The test's thread.
class Client {
 public:
  explicit Client(const std::string& file, const Settings& settings = {});
  /// Opens another worker on an inbox that others share.
  Client(uint32_t number, std::shared_ptr<Inbox> inbox, const std::string& file, const Settings& settings);
  ~Client();

  /// Publishes them in one go, so that a group can take all of them. Their ids.
  std::vector<JobId> SendAll(std::vector<JobPtr> jobs);
  JobId Send(JobPtr job);
  Outcome Await(JobId id) { return outcomes_.Await(id); }
  std::vector<Outcome> AwaitAll(const std::vector<JobId>& ids);
  /// Sends and waits.
  Outcome Do(JobPtr job);
  /// Does it, and the test fails if it fails.
  Outcome Must(JobPtr job);
  /// The rows of a query as JSON; the test fails if it fails.
  std::string Rows(const std::string& sql, const Params& params = {});
  void Exec(const std::string& script);

  Inbox& inbox() { return *inbox_; }
  Worker& worker() { return *worker_; }
  Outcomes& outcomes() { return outcomes_; }
  const Outcome& opened() const { return opened_; }

 private:
  std::shared_ptr<Inbox> inbox_;
  Outcomes outcomes_;
  std::unique_ptr<Worker> worker_;
  Outcome opened_;
};

/// A Database on the test's own thread.
class Local {
 public:
  explicit Local(const std::string& file = ":memory:", const Settings& settings = {});

  Database* operator->() { return &database_; }
  Database& operator*() { return database_; }
  RunningJobs& running() { return running_; }
  Inbox& inbox() { return inbox_; }
  StatementCounters& counters() { return counters_; }
  /// Runs one query; `outcome` tells.
  std::optional<Failure> Run(const Query& query, Outcome& outcome);
  /// The same, and the test fails if it fails. The result's text.
  std::string Rows(const Query& query);

  std::atomic<bool> stopped{false};
  std::atomic<bool> closing{false};

 private:
  Inbox inbox_{Inbox::Limits{}};
  RunningJobs running_{inbox_, stopped, closing};
  StatementCounters counters_;
  Database database_;
};

}  // namespace aiosqlite::test

// Connections without Node: a worker with its queue, or a Database on the test's own thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/features/host.h"
#include "engine/sqlite/database.h"
#include "engine/sqlite/runner.h"
#include "engine/worker/queue.h"
#include "engine/worker/worker.h"
#include "files.h"
#include "jobs.h"
#include "outcomes.h"

namespace aiosqlite::test {

/// The host language's part: SQL functions by the number that kDefine gives them. Called on the worker's
/// thread.
class Functions final : public Host {
 public:
  /// False: the host is going down.
  using Function = std::function<bool(HostCall&)>;
  explicit Functions(std::map<uint32_t, Function> functions) : functions_(std::move(functions)) {}
  bool Call(HostCall& call) override { return functions_.at(call.function)(call); }

 private:
  const std::map<uint32_t, Function> functions_;
};

/// One worker with a queue of its own: what the JavaScript side would hold. The test's thread.
class Client {
 public:
  explicit Client(const std::string& file, const Settings& settings = {}, Host* host = nullptr);
  /// Opens another worker on a queue that others share.
  Client(uint32_t number, std::shared_ptr<Queue> queue, const std::string& file, const Settings& settings,
         Host* host = nullptr);
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
  /// Waits until the worker has taken all but `queued` of the jobs and runs one of those, or waits for its
  /// lock.
  void AwaitStart(size_t queued = 0);
  /// The rows of a query as JSON; the test fails if it fails.
  std::string Rows(const std::string& sql, const Params& params = {});
  void Exec(const std::string& script);

  Queue& queue() { return *queue_; }
  Worker& worker() { return *worker_; }
  Outcomes& outcomes() { return outcomes_; }
  const Outcome& opened() const { return opened_; }

 private:
  std::shared_ptr<Queue> queue_;
  Outcomes outcomes_;
  std::unique_ptr<Worker> worker_;
  Outcome opened_;
};

/// A client whose writes wait for a lock that another connection holds.
struct Locked {
  explicit Locked(const std::string& schema, const Settings& settings = {}) : client(file.path(), settings) {
    client.Exec(schema);
    holder.Exec("BEGIN IMMEDIATE");
  }
  void Release() { holder.Exec("COMMIT"); }

  TempFile file;
  Client holder{file.path()};
  Client client;
};

/// A Database on the test's own thread.
class Local {
 public:
  explicit Local(const std::string& file = ":memory:", const Settings& settings = {});

  Database* operator->() { return &database_; }
  Database& operator*() { return database_; }
  Runner& runner() { return runner_; }
  RunningJobs& running() { return running_; }
  Queue& queue() { return queue_; }
  StatementCounters& counters() { return counters_; }
  /// Runs one query; `outcome` tells.
  std::optional<Failure> Run(const Query& query, Outcome& outcome);
  /// The same, and the test fails if it fails. The result's text.
  std::string Rows(const Query& query);

  std::atomic<bool> stopped{false};
  std::atomic<bool> closing{false};

 private:
  Queue queue_{Queue::Limits{}};
  RunningJobs running_{queue_, stopped, closing};
  StatementCounters counters_;
  Database database_;
  Runner runner_{database_};
};

}  // namespace aiosqlite::test

// JavaScript thread, apart from the members marked "any thread" and "on the worker's thread".
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/features/resources.h"
#include "engine/job.h"
#include "engine/sqlite/database.h"
#include "engine/sqlite/runner.h"
#include "engine/worker/busy.h"
#include "engine/worker/group_commit.h"
#include "engine/worker/owner.h"
#include "engine/worker/queue.h"
#include "engine/worker/thread.h"

namespace aiosqlite {

// One thread with one database: opens it, does the queue's jobs one after another, closes it.
class Worker final : private OutcomeSink {
 public:
  // `open` is the kOpen job; its outcome is the first to be posted. With `lane` other than kMainLane the
  // worker serves that lane alone until its kEnd: so a pool sets a connection up before others get it.
  Worker(uint32_t number, std::shared_ptr<Queue> queue, OutcomeSink& sink, JobPtr open, LaneId lane,
         Host* host = nullptr);
  // Terminates.
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Ends the statement that runs now, if one does. Any thread.
  void Interrupt() { running_.Interrupt(); }
  // Ends waiting for other processes' locks: close() is on its way. Any thread.
  void BeginClose();
  // Interrupts what runs, takes no more jobs, closes the database and joins the thread.
  void Terminate();

  struct Stats {
    bool running = false;
    uint32_t completed = 0;
    uint32_t failed = 0;
    uint32_t cache_size = 0;
    uint32_t cache_hits = 0;
    uint32_t cache_misses = 0;
    // After the last finished job. A transaction of transaction() does not count.
    bool in_transaction = false;
    int64_t total_changes = 0;
  };
  // Any thread.
  Stats stats() const;

 private:
  struct OpenLane {
    LaneId id;
    BeginMode mode;
  };

  // ── on the worker's thread ──
  void Main(const Job& open);
  bool Open(const Job& job);
  void Loop();
  JobPtr Next();
  bool MayShareCommit(const Job& job);
  // False if the worker is to end: a lease came back altered.
  bool Do(Job& job);
  void Close(const Job& job);
  void CloseDatabase();
  std::optional<Failure> Execute(Job& job, Outcome& outcome);
  std::optional<Failure> ServeConnection(const Job& job, Outcome& outcome);
  std::optional<Failure> Begin(const Job& job);
  std::optional<Failure> End(const Job& job, Outcome& outcome);
  std::optional<Failure> EndTransaction(BeginMode began, bool commit);
  std::optional<Failure> LostTransaction() const;
  void FailRest(LaneId lane);
  void Post(std::vector<Outcome>&& outcomes) override;
  void PostOne(Outcome&& outcome);

  const OwnerThread owner_;
  const uint32_t number_;
  const std::shared_ptr<Queue> queue_;
  OutcomeSink& sink_;
  Host* const host_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> closing_{false};
  std::atomic<bool> running_flag_{false};
  std::atomic<uint32_t> completed_{0};
  std::atomic<uint32_t> failed_{0};
  std::atomic<bool> in_transaction_{false};
  std::atomic<int64_t> total_changes_{0};
  RunningJobs running_;
  StatementCounters counters_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<GroupCommit> group_;
  std::unique_ptr<Resources> resources_;
  std::vector<OpenLane> lanes_;  // innermost last
  JobPtr next_;                  // taken from the queue by a group to which it did not belong; none in a lane
  Thread thread_;
};

}  // namespace aiosqlite

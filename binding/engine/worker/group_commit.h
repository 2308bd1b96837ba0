// Worker thread. Runs independent writes that wait together in one transaction, and settles each on its own.
#pragma once

#include <optional>
#include <vector>

#include "engine/job.h"
#include "engine/sqlite/database.h"
#include "engine/sqlite/runner.h"
#include "engine/worker/owner.h"
#include "engine/worker/queue.h"

namespace aiosqlite {

// One COMMIT, and so one fsync, for every job that waits. Each keeps its own atomicity, result and error, and
// no outcome of a group is posted before its COMMIT.
//
// A savepoint for each job costs a third of an append's instructions: SQLite copies every page that the job
// changes. So jobs run without one, until a job fails half-way. Then the whole group is undone and runs again
// with savepoints, and so do the next groups.
//
// clang-format off
//   queued ─► running ──────────────────────────────────────────────► done, waits for COMMIT ─► committed: settled
//                │ │ ├─ fails and leaves nothing behind ─────────────────┘
//                │ │ └─ fails in its savepoint, which is rolled back ────┘
//                │ └─ fails half-way without a savepoint: all run again, each in a savepoint
//                │
//                └─ kills the transaction (full disk, I/O error, ROLLBACK, interrupt): settled with its error.
//                   Nothing of the group was acknowledged, so the others run again as one group;
//                   after a second death, one by one.
// clang-format on
class GroupCommit {
 public:
  GroupCommit(Database& database, Runner& runner, Queue& queue, RunningJobs& running, OutcomeSink& sink)
      : database_(database), runner_(runner), queue_(queue), running_(running), sink_(sink) {}

  // Whether the job, alone in the main lane of a connection without a transaction, may share a commit.
  bool Accepts(const Job& job);
  // Runs it with the jobs that wait behind it. A job that was taken but does not belong is left in `next`,
  // and comes before those of the queue.
  void Run(JobPtr first, JobPtr& next);
  // Runs one job in a transaction of its own, where it needs one.
  std::optional<Failure> RunAlone(const Job& job, Outcome& outcome);

 private:
  struct Member {
    JobPtr job;
    Outcome outcome;
  };
  using Members = std::vector<Member>;
  enum class End { kCommitted, kDied, kRefused, kSpoiled };

  End RunTogether(Members& members, bool take_in, JobPtr& next);
  JobPtr TakeNext(JobPtr& next);
  End Refused(Members& members, const Failure& failure, JobPtr& next);
  std::optional<Failure> RunMember(const Job& job, Outcome& outcome, bool& spoiled);
  std::optional<Failure> RunBare(const Job& job, Outcome& outcome, bool& spoiled);
  std::optional<Failure> RunInSavepoint(const Job& job, Outcome& outcome);
  std::optional<Failure> Execute(const Job& job, Outcome& outcome);
  void SettleOneByOne(Members& members);
  // Settles members that are cancelled or past their deadline, and removes them; false if there are none.
  bool SettleDue(Members& members);
  void SettleAll(Members& members, const Failure& failure);
  void Settle(Members members);
  static std::vector<const Job*> JobsOf(const Members& members);

  const OwnerThread owner_;
  Database& database_;
  Runner& runner_;
  Queue& queue_;
  RunningJobs& running_;
  OutcomeSink& sink_;
  // Since when this group's COMMIT has been refused, so that members who leave don't make the rest wait anew.
  std::optional<Clock::time_point> refused_since_;
  // How many more groups run with savepoints.
  int guarded_groups_ = 0;
};

// The failure of a job that should not run any more; none if it should.
std::optional<Failure> DueFailure(const Job& job);

}  // namespace aiosqlite

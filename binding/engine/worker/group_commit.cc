#include "engine/worker/group_commit.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "engine/sqlite/error.h"

namespace aiosqlite {
namespace {

using std::chrono::milliseconds;

// A group ends when nothing more is waiting, and is no larger than this, so that other jobs and other
// processes get a turn.
constexpr size_t kMaxMembers = 256;
constexpr auto kBudget = milliseconds(5);
// A job whose deadline is nearer runs alone: within a group it would wait for the others' statements.
constexpr auto kTooSoon = 2 * kBudget;
// Groups that run with savepoints after a job has failed half-way: others of its kind are likely to follow.
constexpr int kGuardedGroups = 32;

Failure OutstandingForeignKey() {
  Failure failure = OwnFailure("SQLITE_CONSTRAINT_FOREIGNKEY", "FOREIGN KEY constraint failed");
  failure.errcode = SQLITE_CONSTRAINT_FOREIGNKEY;
  return failure;
}

// A COMMIT that failed for another reason than a lock, or a member's time: full disk, I/O error.
bool MayRunAgain(const Failure& failure) {
  return failure.errcode != 0 && (failure.errcode & 0xff) != SQLITE_BUSY;
}

}  // namespace

std::optional<Failure> DueFailure(const Job& job) {
  switch (RunningJobs::ShouldStop(job, Clock::now())) {
    case Stop::kCancelled:
      return OwnFailure("ERR_CANCELLED", "the call was cancelled");
    case Stop::kDeadline:
      return OwnFailure("ERR_TIMEOUT", "the call has passed its timeoutMs");
    default:
      return std::nullopt;
  }
}

bool GroupCommit::Accepts(const Job& job) {
  switch (job.request) {
    case Request::kRun:
    case Request::kMany:
    case Request::kBatch:
      break;
    default:
      return false;
  }
  const bool hurried = job.deadline != Clock::time_point::max() && job.deadline - Clock::now() < kTooSoon;
  return !hurried && database_.statements().KindOf(job, false) == JobKind::kWrites;
}

void GroupCommit::Run(JobPtr first, JobPtr& next) {
  owner_.Check();
  Members members;
  members.push_back({std::move(first), {}});
  running_.Set(JobsOf(members));
  refused_since_.reset();
  if (guarded_groups_ > 0) --guarded_groups_;
  bool takes_in = true;
  for (int deaths = 0; !members.empty();) {
    if (deaths == 2) {
      SettleOneByOne(members);
      return;
    }
    switch (RunTogether(members, takes_in, next)) {
      case End::kCommitted:
        members.front().outcome.counts_commit = database_.hooks().TakeCommit();
        for (Member& member : members) member.outcome.group_size = static_cast<uint32_t>(members.size());
        Settle(std::move(members));
        return;
      case End::kDied:
        ++deaths;
        takes_in = false;  // these have waited long enough
        break;
      case End::kSpoiled:
        guarded_groups_ = kGuardedGroups;
        break;
      case End::kRefused:
        break;
    }
  }
}

GroupCommit::End GroupCommit::RunTogether(Members& members, bool take_in, JobPtr& next) {
  running_.Narrow(JobsOf(members));
  if (auto failure = database_.LeaveDoomed()) {
    SettleAll(members, *failure);
    return End::kRefused;
  }
  if (auto failure = database_.Control("BEGIN IMMEDIATE")) return Refused(members, *failure, next);
  const auto began = Clock::now();
  // A job is taken in when its turn comes, not before: while it waits it can still be cancelled at once. Jobs
  // that come while the group runs share its commit, too.
  const auto has_room = [&] {
    return take_in && members.size() < kMaxMembers && Clock::now() - began < kBudget;
  };
  for (size_t i = 0; i < members.size() || has_room(); ++i) {
    if (i == members.size()) {
      JobPtr job = TakeNext(next);
      if (job == nullptr) break;
      members.push_back({std::move(job), {}});
    }
    Member& member = members[i];
    member.outcome = {};
    running_.Set({member.job.get()});
    bool spoiled = false;
    {
      const Stopwatch stopwatch(*member.job, member.outcome);
      member.outcome.failure = DueFailure(*member.job);
      if (!member.outcome.failure) member.outcome.failure = RunMember(*member.job, member.outcome, spoiled);
    }
    if (!database_.in_transaction()) {  // it has taken the transaction with it
      Members culprit;
      culprit.push_back(std::move(member));
      members.erase(members.begin() + static_cast<Members::difference_type>(i));
      Settle(std::move(culprit));
      return End::kDied;
    }
    if (spoiled) {
      database_.RollBack();
      return End::kSpoiled;
    }
  }
  // While COMMIT waits for readers of a rollback journal, it can still be taken back.
  running_.Set(JobsOf(members));
  if (refused_since_) running_.Resume(*refused_since_);
  auto failure = database_.Control("COMMIT");
  if (!failure) return End::kCommitted;
  refused_since_ = running_.waiting_since();
  if (database_.in_transaction()) database_.RollBack();
  return MayRunAgain(*failure) ? End::kDied : Refused(members, *failure, next);
}

// The next job if it belongs here. Anything else is a barrier, and the group commits before it.
JobPtr GroupCommit::TakeNext(JobPtr& next) {
  JobPtr job = next != nullptr ? std::move(next) : queue_.TryTake();
  if (job == nullptr || Accepts(*job)) return job;
  next = std::move(job);
  return nullptr;
}

// The lock was refused. Members that have run out of time leave, and the rest tries again. If there are none,
// every job that has waited for the lock as long fails with it: one after another they would take 256 times
// as long.
GroupCommit::End GroupCommit::Refused(Members& members, const Failure& failure, JobPtr& next) {
  if (SettleDue(members)) return End::kRefused;
  const auto since = running_.waiting_since();
  for (size_t waiting = (next != nullptr ? 1 : 0) + queue_.Ready(); since && waiting > 0; --waiting) {
    JobPtr job = TakeNext(next);
    if (job == nullptr) break;
    if (job->queued_at > *since) {
      next = std::move(job);
      break;
    }
    members.push_back({std::move(job), {}});
  }
  SettleAll(members, failure);
  return End::kRefused;
}

std::optional<Failure> GroupCommit::RunMember(const Job& job, Outcome& outcome, bool& spoiled) {
  // Of the many rows of a kMany, any may fail.
  if (guarded_groups_ > 0 || job.request == Request::kMany) return RunInSavepoint(job, outcome);
  return RunBare(job, outcome, spoiled);
}

// `spoiled`: it has failed, and only a rollback of the whole transaction undoes what it has changed.
std::optional<Failure> GroupCommit::RunBare(const Job& job, Outcome& outcome, bool& spoiled) {
  const int64_t changes = database_.total_changes();
  auto failure = Execute(job, outcome);
  // OR FAIL keeps the rows that it keeps when the job runs alone.
  const bool keeps = failure && job.request == Request::kRun && runner_.kept();
  const bool is_clean =
      !failure || keeps || (!runner_.torn() && !runner_.kept() && database_.total_changes() == changes);
  if (is_clean && !database_.has_outstanding_foreign_keys()) return failure;
  spoiled = true;
  return failure ? failure : OutstandingForeignKey();
}

std::optional<Failure> GroupCommit::RunInSavepoint(const Job& job, Outcome& outcome) {
  if (auto failure = database_.Control("SAVEPOINT aiosqlite_member")) return failure;
  auto failure = Execute(job, outcome);
  // OR FAIL keeps here the rows that it keeps when the job runs alone.
  if (failure && job.request == Request::kRun && runner_.kept() &&
      !database_.has_outstanding_foreign_keys()) {
    if (auto lost = database_.Control("RELEASE aiosqlite_member")) return lost;
    return failure;
  }
  // A deferred foreign key that stays open here could be repaired by a later job, or fail the COMMIT of all.
  if (!failure && database_.has_outstanding_foreign_keys()) failure = OutstandingForeignKey();
  if (!failure) failure = database_.Control("RELEASE aiosqlite_member");
  if (failure && database_.in_transaction())
    database_.RollBackTo("ROLLBACK TO aiosqlite_member", "RELEASE aiosqlite_member");
  return failure;
}

std::optional<Failure> GroupCommit::Execute(const Job& job, Outcome& outcome) {
  switch (job.request) {
    case Request::kMany:
      return runner_.RunMany(job, outcome);
    case Request::kBatch:
      return runner_.RunBatch(job, outcome);
    default:
      return runner_.Run(job, outcome);
  }
}

std::optional<Failure> GroupCommit::RunAlone(const Job& job, Outcome& outcome) {
  owner_.Check();
  running_.Set({&job});
  auto failure = DueFailure(job);
  if (!failure) failure = database_.LeaveDoomed();
  if (failure) return failure;
  if (job.request == Request::kRun) {
    failure = runner_.Run(job, outcome);
  } else {
    // On a reader what fails must fail as itself, not because BEGIN IMMEDIATE is refused there.
    const bool reads = database_.reader() || database_.statements().KindOf(job, true) == JobKind::kReads;
    failure = database_.Atomically(!reads, [&] { return Execute(job, outcome); });
  }
  outcome.counts_commit = database_.hooks().TakeCommit() && !failure;
  return failure;
}

void GroupCommit::SettleOneByOne(Members& members) {
  for (Member& member : members) {
    member.outcome = {};
    {
      const Stopwatch stopwatch(*member.job, member.outcome);
      member.outcome.failure = RunAlone(*member.job, member.outcome);
    }
    Members one;
    one.push_back(std::move(member));
    Settle(std::move(one));
  }
  members.clear();
}

bool GroupCommit::SettleDue(Members& members) {
  Members due;
  for (size_t i = 0; i < members.size();) {
    auto failure = DueFailure(*members[i].job);
    if (!failure) {
      ++i;
      continue;
    }
    members[i].outcome = {};
    members[i].outcome.failure = std::move(failure);
    due.push_back(std::move(members[i]));
    members.erase(members.begin() + static_cast<Members::difference_type>(i));
  }
  if (due.empty()) return false;
  Settle(std::move(due));
  return true;
}

void GroupCommit::SettleAll(Members& members, const Failure& failure) {
  for (Member& member : members) {
    member.outcome = {};
    member.outcome.failure = failure;
  }
  Settle(std::exchange(members, {}));
}

void GroupCommit::Settle(Members members) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(members.size());
  for (Member& member : members) {
    member.outcome.id = member.job->id;
    if (member.outcome.failure) member.outcome.results.clear();
    queue_.Forget(*member.job);
    outcomes.push_back(std::move(member.outcome));
  }
  sink_.Post(std::move(outcomes));
}

std::vector<const Job*> GroupCommit::JobsOf(const Members& members) {
  std::vector<const Job*> jobs;
  jobs.reserve(members.size());
  for (const Member& member : members) jobs.push_back(member.job.get());
  return jobs;
}

}  // namespace aiosqlite

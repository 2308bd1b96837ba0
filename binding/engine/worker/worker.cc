#include "engine/worker/worker.h"

#include <string>
#include <utility>

#include "engine/features/backup.h"
#include "engine/features/control.h"
#include "engine/features/image.h"
#include "engine/features/recorder.h"
#include "engine/sqlite/error.h"

namespace aiosqlite {

Worker::Worker(uint32_t number, std::shared_ptr<Queue> queue, OutcomeSink& sink, JobPtr open, LaneId lane,
               Host* host)
    : number_(number),
      queue_(std::move(queue)),
      sink_(sink),
      host_(host),
      running_(*queue_, stopped_, closing_) {
  if (lane != kMainLane) lanes_.push_back({lane, BeginMode::kLease});
  const std::shared_ptr<const Job> job = std::move(open);
  if (thread_.Start([this, job] { Main(*job); })) return;
  queue_->Forget(*job);
  Outcome outcome;
  outcome.id = job->id;
  outcome.failure = OwnFailure("ERR_NO_THREAD", "the system gives no further thread");
  PostOne(std::move(outcome));
}

Worker::~Worker() { Terminate(); }

void Worker::BeginClose() {
  closing_.store(true, std::memory_order_release);
  queue_->WakeAll();
}

void Worker::Terminate() {
  owner_.Check();
  stopped_.store(true, std::memory_order_release);
  queue_->WakeAll();
  thread_.Join();
}

Worker::Stats Worker::stats() const {
  return {running_flag_.load(std::memory_order_acquire),   completed_.load(std::memory_order_relaxed),
          failed_.load(std::memory_order_relaxed),         counters_.size.load(std::memory_order_relaxed),
          counters_.hits.load(std::memory_order_relaxed),  counters_.misses.load(std::memory_order_relaxed),
          in_transaction_.load(std::memory_order_relaxed), total_changes_.load(std::memory_order_relaxed)};
}

void Worker::Main(const Job& open) {
  if (Open(open)) Loop();
  CloseDatabase();
}

void Worker::Loop() {
  while (JobPtr job = Next()) {
    running_.Announce(*job);
    running_flag_.store(true, std::memory_order_release);
    if (job->request == Request::kClose) return Close(*job);
    if (MayShareCommit(*job)) {
      group_->Run(std::move(job), next_);
      running_.Set({});  // its jobs are gone
    } else if (!Do(*job)) {
      return;
    }
    database_->hooks().CheckpointIfDue();
    running_flag_.store(false, std::memory_order_relaxed);
  }
}

JobPtr Worker::Next() {
  if (stopped_.load(std::memory_order_acquire)) return nullptr;
  if (next_ != nullptr) return std::move(next_);
  return queue_->Take(lanes_.empty() ? kMainLane : lanes_.back().id, stopped_);
}

bool Worker::MayShareCommit(const Job& job) {
  if (next_ == nullptr && queue_->Ready() == 0) return false;  // no other job waits
  return lanes_.empty() && !database_->reader() && !database_->in_transaction() && group_->Accepts(job);
}

bool Worker::Do(Job& job) {
  Outcome outcome;
  outcome.id = job.id;
  running_.Set({&job});
  {
    const Stopwatch stopwatch(job, outcome);
    // Whatever happens to the jobs of a lane, the lane must end.
    if (job.request != Request::kEnd) outcome.failure = DueFailure(job);
    if (!outcome.failure) outcome.failure = Execute(job, outcome);
  }
  if (database_->hooks().TakeCommit() && !outcome.failure) outcome.counts_commit = true;
  if (outcome.failure) outcome.results.clear();
  running_.Set({});
  queue_->Forget(job);
  const bool stay = !outcome.altered;
  if (!stay) CloseDatabase();
  PostOne(std::move(outcome));
  return stay;
}

std::optional<Failure> Worker::Execute(Job& job, Outcome& outcome) {
  if (job.request == Request::kEnd) return End(job, outcome);
  if (auto doomed = database_->LeaveDoomed()) return doomed;
  if (job.request == Request::kBegin) return Begin(job);
  if (auto lost = LostTransaction()) return lost;
  switch (job.request) {
    case Request::kScript:
      return runner_->RunScript(job);
    case Request::kRun:
    case Request::kMany:
    case Request::kBatch:
      return group_->RunAlone(job, outcome);
    default:
      if (Resources::Serves(job.request)) return resources_->Serve(job, outcome);
      return ServeConnection(job, outcome);
  }
}

std::optional<Failure> Worker::ServeConnection(const Job& job, Outcome& outcome) {
  switch (job.request) {
    case Request::kDescribe:
      return Describe(*database_, job, outcome);
    case Request::kStatus:
      return Status(*database_, outcome);
    case Request::kSetLimit:
      return SetLimit(*database_, job, outcome);
    case Request::kLoadExtension:
      return LoadExtension(*database_, job);
    case Request::kAuthorize:
      return Authorize(*database_, job);
    case Request::kSerialize:
      return Serialize(*database_, outcome);
    case Request::kDeserialize:
      return Deserialize(*database_, job);
    case Request::kRestore:
      return Restore(*database_, job, outcome);
    case Request::kDefine:
      return DefineFunction(*database_, job);
    case Request::kReportCommits:
      database_->ReportCommits(EntryReader(job.entries).Int() != 0);
      return std::nullopt;
    case Request::kApplyChangeset:
      return ApplyChangeset(*database_, job);
    default:
      return OwnFailure("ERR_INTERNAL", "no such request");
  }
}

std::optional<Failure> Worker::Begin(const Job& job) {
  EntryReader entries(job.entries);
  const auto lane = static_cast<LaneId>(entries.Number());
  const auto mode = static_cast<BeginMode>(entries.Int());
  static constexpr const char* kSql[] = {nullptr, "BEGIN DEFERRED", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE",
                                         "SAVEPOINT aiosqlite_transaction"};
  if (mode == BeginMode::kLease) {
    database_->hooks().TakeAltered();
  } else {
    if (auto lost = LostTransaction()) return lost;
    if (auto failure = database_->Control(kSql[static_cast<int>(mode)])) return failure;
  }
  lanes_.push_back({lane, mode});
  return std::nullopt;
}

// A transaction that SQLite has rolled back by itself (full disk, I/O error, interrupt): what is called
// inside it would otherwise run, and commit, on its own.
std::optional<Failure> Worker::LostTransaction() const {
  if (lanes_.empty() || lanes_.back().mode == BeginMode::kLease || database_->in_transaction())
    return std::nullopt;
  return OwnFailure("ERR_TRANSACTION_CLOSED",
                    "SQLite has rolled this transaction back after an earlier failure");
}

std::optional<Failure> Worker::End(const Job& job, Outcome& outcome) {
  EntryReader entries(job.entries);
  const auto mode = static_cast<EndMode>(entries.Int());
  const OpenLane lane = lanes_.back();
  resources_->CloseAllOf(lane.id);
  std::optional<Failure> failure;
  if (mode == EndMode::kReady || mode == EndMode::kRelease) {
    if (database_->in_transaction()) failure = database_->RollBack();
    const bool altered = database_->hooks().TakeAltered() || failure.has_value();
    // A database in memory would be gone.
    outcome.altered = altered && mode == EndMode::kRelease && !database_->in_memory();
    failure.reset();  // closing the connection ends the transaction
  } else {
    failure = EndTransaction(lane.mode, mode == EndMode::kCommit);
  }
  lanes_.pop_back();
  FailRest(lane.id);
  return failure;
}

std::optional<Failure> Worker::EndTransaction(BeginMode began, bool commit) {
  const bool savepoint = began == BeginMode::kSavepoint;
  std::optional<Failure> failure;
  if (commit) {
    failure = LostTransaction();
    if (!failure) failure = database_->Control(savepoint ? "RELEASE aiosqlite_transaction" : "COMMIT");
    if (!failure) return std::nullopt;
  }
  // After a failure the truth is whether a transaction is open, never the code.
  if (database_->in_transaction()) {
    running_.Set({});
    if (savepoint) {
      database_->RollBackTo("ROLLBACK TO aiosqlite_transaction", "RELEASE aiosqlite_transaction");
    } else {
      database_->RollBack();
    }
  }
  return failure;
}

void Worker::FailRest(LaneId lane) {
  std::vector<Outcome> outcomes;
  for (const JobPtr& job : queue_->RemoveLane(lane)) {
    Outcome outcome;
    outcome.id = job->id;
    outcome.failure = OwnFailure("ERR_TRANSACTION_CLOSED", "the transaction has ended");
    queue_->Forget(*job);
    outcomes.push_back(std::move(outcome));
  }
  if (!outcomes.empty()) Post(std::move(outcomes));
}

bool Worker::Open(const Job& job) {
  EntryReader entries(job.entries);
  Outcome outcome;
  outcome.id = job.id;
  database_ = std::make_unique<Database>(OpenOptions::Read(entries), running_, counters_, host_);
  resources_ = std::make_unique<Resources>(*database_);
  runner_ = std::make_unique<Runner>(*database_);
  group_ = std::make_unique<GroupCommit>(*database_, *runner_, *queue_, running_,
                                         static_cast<OutcomeSink&>(*this));
  running_.Set({&job});
  outcome.failure = database_->Open(outcome.info);
  running_.Set({});
  queue_->Forget(job);
  const bool opened = !outcome.failure;
  if (!opened) CloseDatabase();  // before the failure is posted: no file stays open
  PostOne(std::move(outcome));
  return opened;
}

void Worker::CloseDatabase() {
  resources_.reset();
  group_.reset();
  runner_.reset();
  database_.reset();
}

void Worker::Close(const Job& job) {
  CloseDatabase();
  queue_->Forget(job);
  Outcome outcome;
  outcome.id = job.id;
  PostOne(std::move(outcome));
}

void Worker::PostOne(Outcome&& outcome) {
  std::vector<Outcome> outcomes;
  outcomes.push_back(std::move(outcome));
  Post(std::move(outcomes));
}

void Worker::Post(std::vector<Outcome>&& outcomes) {
  uint32_t failed = 0;
  for (Outcome& outcome : outcomes) {
    outcome.worker = number_;
    if (outcome.failure) ++failed;
    if (database_) outcome.wal_pages = database_->hooks().wal_pages();
  }
  if (database_) {
    outcomes.front().changes = database_->changes().TakeCommitted();
    const bool users_own = lanes_.empty() || lanes_.back().mode == BeginMode::kLease;
    in_transaction_.store(users_own && database_->in_transaction(), std::memory_order_relaxed);
    total_changes_.store(database_->total_changes(), std::memory_order_relaxed);
  }
  failed_.fetch_add(failed, std::memory_order_relaxed);
  completed_.fetch_add(static_cast<uint32_t>(outcomes.size()) - failed, std::memory_order_relaxed);
  sink_.Post(std::move(outcomes));
}

}  // namespace aiosqlite

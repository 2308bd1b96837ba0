#include "group_model.h"

#include <algorithm>
#include <deque>

namespace aiosqlite::test {
namespace {

constexpr char kWithdrawn[] = "withdrawn";
constexpr char kCancelled[] = "ERR_CANCELLED";
constexpr char kToldBusy[] = "SQLITE_BUSY";
constexpr char kToldFull[] = "SQLITE_FULL";

enum class State { kQueued, kTaken, kSettled };
enum class Lock { kTaken, kBusy, kFull };

class Model {
 public:
  Model(const std::vector<ModelJob>& jobs, Fate fate) : jobs_(jobs), fate_(fate), last_(jobs.size() - 1) {
    jobs_.push_back(ModelJob::kReads);  // behind them all
    states_.assign(jobs_.size(), State::kQueued);
    cancelled_.assign(jobs_.size(), false);
    told_.resize(jobs_.size());
    for (size_t i = 0; i < jobs_.size(); ++i) queue_.push_back(i);
  }

  Told Run() {
    while (!queue_.empty()) {
      const size_t job = queue_.front();
      queue_.pop_front();
      if (states_[job] != State::kQueued) continue;  // withdrawn
      states_[job] = State::kTaken;
      if (jobs_[job] == ModelJob::kReads) {
        Settle(job, RunAlone(job));
      } else {
        RunGroup(job);
      }
    }
    told_.pop_back();
    return told_;
  }

 private:
  using Members = std::vector<size_t>;
  enum class End { kCommitted, kDied, kRefused };

  void RunGroup(size_t first) {
    Members members{first};
    for (int deaths = 0; !members.empty();) {
      if (deaths == 2) {
        for (const size_t job : members) Settle(job, RunAlone(job));
        return;
      }
      switch (RunTogether(members, deaths == 0)) {
        case End::kCommitted:
          return;
        case End::kDied:
          ++deaths;
          break;
        case End::kRefused:
          break;
      }
    }
  }

  End RunTogether(Members& members, bool takes_in) {
    if (Begin() == Lock::kBusy) return Refused(members);
    std::vector<std::string> results;
    bool wrote = false;
    for (size_t i = 0;; ++i) {
      if (i == members.size() && !(takes_in && TakeIn(members))) break;
      const size_t job = members[i];
      if (cancelled_[job]) {
        results.push_back(kCancelled);
        continue;
      }
      bool killed = false;
      results.push_back(RunStatements(job, killed));
      wrote = true;
      if (!killed) continue;
      Settle(job, results.back());
      members.erase(members.begin() + static_cast<Members::difference_type>(i));
      return End::kDied;
    }
    switch (wrote ? Commit() : Lock::kTaken) {
      case Lock::kBusy:
        return Refused(members);
      case Lock::kFull:
        return End::kDied;
      case Lock::kTaken:
        break;
    }
    for (size_t i = 0; i < members.size(); ++i) Settle(members[i], results[i]);
    return End::kCommitted;
  }

  // The lock is held elsewhere: cancelled members leave and the rest retries. If none was cancelled, every
  // member fails, and so does every job that waited behind them.
  End Refused(Members& members) {
    Members rest;
    for (const size_t job : members) {
      if (cancelled_[job]) {
        Settle(job, kCancelled);
      } else {
        rest.push_back(job);
      }
    }
    const bool anyone_left = rest.size() < members.size();
    members = std::move(rest);
    if (anyone_left) return End::kRefused;
    while (TakeIn(members)) {
    }
    for (const size_t job : members) Settle(job, kToldBusy);
    members.clear();
    return End::kRefused;
  }

  // The next that is queued, if it may be a member.
  bool TakeIn(Members& members) {
    while (!queue_.empty() && states_[queue_.front()] != State::kQueued) queue_.pop_front();
    if (queue_.empty() || jobs_[queue_.front()] == ModelJob::kReads) return false;
    states_[queue_.front()] = State::kTaken;
    members.push_back(queue_.front());
    queue_.pop_front();
    return true;
  }

  std::string RunAlone(size_t job) {
    if (cancelled_[job]) return kCancelled;
    if (jobs_[job] == ModelJob::kReads) return {};
    if (Begin() == Lock::kBusy) return cancelled_[job] ? kCancelled : kToldBusy;
    bool killed = false;
    const std::string told = RunStatements(job, killed);
    if (!told.empty()) return told;  // and rolled back
    switch (Commit()) {
      case Lock::kBusy:
        return cancelled_[job] ? kCancelled : kToldBusy;
      case Lock::kFull:
        return kToldFull;
      default:
        return {};
    }
  }

  std::string RunStatements(size_t job, bool& killed) {
    switch (jobs_[job]) {
      case ModelJob::kFails:
        return "SQLITE_CONSTRAINT_PRIMARYKEY";
      case ModelJob::kKills:
        killed = true;
        return "SQLITE_CONSTRAINT_TRIGGER";
      case ModelJob::kCancelsItself:
        killed = true;
        return kCancelled;
      case ModelJob::kCancelsNext:
        if (job < last_) Cancel(job + 1);
        return {};
      case ModelJob::kCancelsPrevious:
        if (job > 0) Cancel(job - 1);
        return {};
      default:
        return {};
    }
  }

  void Cancel(size_t job) {
    if (states_[job] == State::kQueued) {
      states_[job] = State::kSettled;
      told_[job] = kWithdrawn;
    } else if (states_[job] == State::kTaken) {
      cancelled_[job] = true;
    }
  }

  void Settle(size_t job, const std::string& told) {
    states_[job] = State::kSettled;
    told_[job] = told;
  }

  Lock Begin() {
    const bool first = begins_++ == 0;
    if (!first) return Lock::kTaken;
    if (fate_ == Fate::kLastCancelled) Cancel(last_);
    if (fate_ == Fate::kBeginBusyCancelled) Cancel(0);
    return fate_ == Fate::kBeginBusy || fate_ == Fate::kBeginBusyCancelled ? Lock::kBusy : Lock::kTaken;
  }

  Lock Commit() {
    const int attempt = ++commits_;
    const int fails = fate_ == Fate::kCommitFails         ? 1
                      : fate_ == Fate::kCommitFailsTwice  ? 2
                      : fate_ == Fate::kCommitFailsThrice ? 3
                                                          : 0;
    if (attempt <= fails) return Lock::kFull;
    if (attempt > 1) return Lock::kTaken;
    if (fate_ == Fate::kCommitBusyCancelled) Cancel(0);
    return fate_ == Fate::kCommitBusy || fate_ == Fate::kCommitBusyCancelled ? Lock::kBusy : Lock::kTaken;
  }

  std::vector<ModelJob> jobs_;
  const Fate fate_;
  const size_t last_;
  std::deque<size_t> queue_;
  std::vector<State> states_;
  std::vector<bool> cancelled_;
  Told told_;
  int begins_ = 0;
  int commits_ = 0;
};

}  // namespace

Told Predict(const std::vector<ModelJob>& jobs, Fate fate) { return Model(jobs, fate).Run(); }

}  // namespace aiosqlite::test

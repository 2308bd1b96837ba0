#include "client.h"

#include <utility>

#include "support.h"

namespace aiosqlite::test {
namespace {

// As binding/engine/job.h says; read back by OpenOptions::Read.
OpenOptions OptionsOf(const Job& job) {
  EntryReader entries(job.entries);
  return OpenOptions::Read(entries);
}

}  // namespace

Client::Client(const std::string& file, const Settings& settings, Host* host)
    : Client(1, std::make_shared<Queue>(Queue::Limits{}), file, settings, host) {}

Client::Client(uint32_t number, std::shared_ptr<Queue> queue, const std::string& file,
               const Settings& settings, Host* host)
    : queue_(std::move(queue)) {
  JobPtr open = Open(file, settings);
  const JobId id = open->id;
  worker_ = std::make_unique<Worker>(number, queue_, outcomes_, std::move(open), kMainLane, host);
  opened_ = Await(id);
}

Client::~Client() { worker_.reset(); }

std::vector<JobId> Client::SendAll(std::vector<JobPtr> jobs) {
  std::vector<JobId> ids;
  for (JobPtr& job : jobs) {
    ids.push_back(job->id);
    if (!queue_->Stage(std::move(job))) Fail(__FILE__, __LINE__, "the queue is full");
  }
  queue_->Publish();
  return ids;
}

JobId Client::Send(JobPtr job) {
  std::vector<JobPtr> one;
  one.push_back(std::move(job));
  return SendAll(std::move(one)).front();
}

std::vector<Outcome> Client::AwaitAll(const std::vector<JobId>& ids) {
  std::vector<Outcome> outcomes;
  for (const JobId id : ids) outcomes.push_back(Await(id));
  return outcomes;
}

Outcome Client::Do(JobPtr job) { return Await(Send(std::move(job))); }

Outcome Client::Must(JobPtr job) {
  Outcome outcome = Do(std::move(job));
  if (outcome.failure) Fail(__FILE__, __LINE__, outcome.failure->code + ": " + outcome.failure->message);
  return outcome;
}

void Client::AwaitStart(size_t queued) {
  // A worker lowers the flag of its last job before it takes the next one.
  Until([&] { return queue_->pending() == queued; });
  Until([&] { return worker_->stats().running; });
}

std::string Client::Rows(const std::string& sql, const Params& params) {
  return RowsOf(Must(All(sql, params)));
}

void Client::Exec(const std::string& script) { Must(Script(script)); }

Local::Local(const std::string& file, const Settings& settings)
    : database_(OptionsOf(*Open(file, settings)), running_, counters_, nullptr) {
  std::string journal_mode;
  if (auto failure = database_.Open(journal_mode)) Fail(__FILE__, __LINE__, failure->message);
}

std::optional<Failure> Local::Run(const Query& query, Outcome& outcome) {
  return runner_.Run(*test::Run(query), outcome);
}

std::string Local::Rows(const Query& query) {
  Outcome outcome;
  if (auto failure = Run(query, outcome)) {
    Fail(__FILE__, __LINE__, failure->code + ": " + failure->message);
    return failure->code;
  }
  return RowsOf(outcome);
}

}  // namespace aiosqlite::test

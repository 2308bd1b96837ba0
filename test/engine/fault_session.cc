#include "fault_session.h"

#include <algorithm>

namespace aiosqlite::test {
namespace {

// Above all rows of the scenarios.
constexpr int kAfterwards = 1'000'000;

}  // namespace

std::string TextOf(int row) {
  // Every seventh needs pages of its own.
  return std::string(row % 7 == 0 ? 9000 : static_cast<size_t>(20 + row % 50),
                     static_cast<char>('a' + row % 26));
}

Query InsertRow(int row) { return {"INSERT INTO t VALUES (?, ?)", {row, TextOf(row)}}; }

FaultSession::FaultSession(std::string file, Settings settings)
    : file_(std::move(file)), settings_(std::move(settings)) {}

Client* FaultSession::Open(Host* host) {
  auto client = std::make_unique<Client>(file_, settings_, host);
  Note(client->opened());
  if (client->opened().failure) return nullptr;
  clients_.push_back(std::move(client));
  return clients_.back().get();
}

bool FaultSession::Do(Client* client, std::vector<Work> works) {
  if (client == nullptr) return false;
  bool succeeded = true;
  std::vector<JobPtr> jobs;
  for (Work& work : works) jobs.push_back(std::move(work.job));
  const std::vector<JobId> ids = client->SendAll(std::move(jobs));
  for (size_t i = 0; i < ids.size(); ++i) {
    const Outcome outcome = client->Await(ids[i]);
    Note(outcome);
    if (outcome.failure) {
      Reject(works[i].rows);
    } else {
      Acknowledge(works[i].rows);
    }
    EXPECT(client->outcomes().Times(ids[i]) == 1);
    succeeded &= !outcome.failure;
  }
  return succeeded;
}

bool FaultSession::Do(Client* client, JobPtr job, std::vector<int> rows) {
  std::vector<Work> one;
  one.push_back({std::move(job), std::move(rows)});
  return Do(client, std::move(one));
}

Outcome FaultSession::Ask(Client* client, JobPtr job) {
  Outcome outcome;
  if (client == nullptr) {
    outcome.failure.emplace();
    return outcome;
  }
  outcome = client->Do(std::move(job));
  Note(outcome);
  return outcome;
}

std::string FaultSession::Close(Client* client) {
  if (client == nullptr) return {};
  const Outcome outcome = client->Do(test::Close());
  Note(outcome);
  const auto is = [client](const std::unique_ptr<Client>& one) { return one.get() == client; };
  clients_.erase(std::find_if(clients_.begin(), clients_.end(), is));
  return CodeOf(outcome);
}

void FaultSession::Note(const Outcome& outcome) {
  if (outcome.failure) ++codes_[outcome.failure->code];
}

void FaultSession::UseAgain() {
  if (clients_.empty()) Open();
  EXPECT(!clients_.empty());
  // A scenario that makes the table may have failed to.
  const std::string schema = std::string(kFaultSchema).insert(12, " IF NOT EXISTS");
  for (const auto& client : clients_) EXPECT(CodeOf(client->Do(Script(schema))).empty());
  for (size_t i = 0; i < clients_.size(); ++i) {
    const int row = kAfterwards + static_cast<int>(i);
    const Outcome outcome = clients_[i]->Do(Run(InsertRow(row)));
    EXPECT(CodeOf(outcome).empty());
    if (!outcome.failure) Acknowledge({row});
    EXPECT(CodeOf(clients_[i]->Do(All("SELECT count(*), sum(length(x)) FROM t"))).empty());
  }
  CloseAll();
}

void FaultSession::CloseAll() {
  while (!clients_.empty()) EXPECT(Close(clients_.back().get()).empty());
}

void FaultSession::Check() {
  Client client(file_);
  EXPECT(client.Rows("PRAGMA integrity_check") == R"([["ok"]])");
  std::set<int> there;
  const std::string rows = client.Rows("SELECT n FROM t ORDER BY n");
  for (size_t at = 0; at < rows.size();) {
    const size_t begin = rows.find_first_of("0123456789", at);
    if (begin == std::string::npos) break;
    at = rows.find_first_not_of("0123456789", begin);
    there.insert(std::stoi(rows.substr(begin, at - begin)));
  }
  for (const int row : acknowledged_) {
    EXPECT(there.erase(row) == 1);
    EXPECT(client.Rows("SELECT x = ? FROM t WHERE n = ?", {TextOf(row), row}) == "[[1]]");
  }
  for (const std::vector<int>& job : rejected_) {
    size_t found = 0;
    for (const int row : job) found += there.erase(row);
    EXPECT(found == 0 || found == job.size());
    rejected_but_there_ += found > 0 ? 1 : 0;
  }
  for (const int row : there) Fail(__FILE__, __LINE__, "nobody was told of row " + std::to_string(row));
  for (const auto& check : afterwards_) check();
}

}  // namespace aiosqlite::test

// Invariants under faults: connections to one file, and a record of the outcomes that they received.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support.h"

namespace aiosqlite::test {

/// The table of every scenario, and what stands in a row of it.
inline constexpr char kFaultSchema[] = "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT NOT NULL)";
std::string TextOf(int row);
Query InsertRow(int row);

/// A job, and the rows that it writes.
struct Work {
  JobPtr job;
  std::vector<int> rows;
};

/// Connections to one file in one round of one scenario. The test's thread.
class FaultSession {
 public:
  FaultSession(std::string file, Settings settings);

  /// Opens one more connection; null if that has failed.
  Client* Open(Host* host = nullptr);
  /// Sends them together and waits for all. False if one has failed.
  bool Do(Client* client, std::vector<Work> works);
  bool Do(Client* client, JobPtr job, std::vector<int> rows = {});
  /// The same inside of a transaction: what is written counts from its end on.
  Outcome Ask(Client* client, JobPtr job);
  void Acknowledge(const std::vector<int>& rows) { acknowledged_.insert(rows.begin(), rows.end()); }
  void Reject(const std::vector<int>& rows) { rejected_.push_back(rows); }
  /// Closes it as close() does, and tells how that went.
  std::string Close(Client* client);

  /// After the fault has passed: every connection must serve a write and a read again, or say why not.
  void UseAgain();
  void CloseAll();
  /// Through a new connection: the file is sound, every acknowledged row is there, each rejected job is there
  /// as a whole or not at all, and nothing else.
  void Check();

  /// Done once the fault has passed, by Check.
  void Afterwards(std::function<void()> check) { afterwards_.push_back(std::move(check)); }

  const std::map<std::string, int>& codes() const { return codes_; }
  const std::string& file() const { return file_; }
  /// Jobs that were told to have failed, and rows of them that are there nevertheless.
  int rejected() const { return static_cast<int>(rejected_.size()); }
  int rejected_but_there() const { return rejected_but_there_; }

 private:
  void Note(const Outcome& outcome);

  const std::string file_;
  const Settings settings_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::set<int> acknowledged_;
  std::vector<std::vector<int>> rejected_;
  std::map<std::string, int> codes_;
  std::vector<std::function<void()>> afterwards_;
  int rejected_but_there_ = 0;
};

}  // namespace aiosqlite::test

// Worker thread. Runs the statements of jobs in whatever transaction is open, or in none.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/job.h"
#include "engine/rows/row_encoder.h"
#include "engine/sqlite/database.h"
#include "engine/sqlite/statement.h"
#include "engine/worker/owner.h"

namespace aiosqlite {

class Runner {
 public:
  explicit Runner(Database& database) : database_(database) {}

  // kRun: atomic as SQLite's statements are.
  std::optional<Failure> Run(const Job& job, Outcome& outcome);
  // kMany, kBatch: all or nothing only within Database::Atomically or a savepoint of the caller's.
  std::optional<Failure> RunMany(const Job& job, Outcome& outcome);
  std::optional<Failure> RunBatch(const Job& job, Outcome& outcome);
  // kScript.
  std::optional<Failure> RunScript(const Job& job);
  // After a failure: whether the rows that the statement changed before it stay, as OR FAIL has it.
  bool kept() const { return kept_; }
  // After a failure: whether the job may have left changes that sqlite3_total_changes64() does not count.
  bool torn() const { return torn_; }

 private:
  // One Query, whose parameters come next in `entries`. `none`: it neither returned nor changed a row.
  std::optional<Failure> RunQuery(const QueryHead& head, EntryReader& entries, uint8_t policy,
                                  Outcome& outcome, bool& none);
  std::optional<Failure> StepAll(Statement& statement, uint8_t policy, RowEncoder& rows, Result& result,
                                 bool& any_row);
  // Before each job.
  void Forget() { kept_ = torn_ = false; }
  std::optional<Failure> StepToEnd(Statement& statement, RowEncoder& rows, bool& any_row);

  const OwnerThread owner_;
  Database& database_;
  bool kept_ = false;
  bool torn_ = false;
};

}  // namespace aiosqlite

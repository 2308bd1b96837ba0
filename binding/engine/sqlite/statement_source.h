// Worker thread. Makes statements of SQL text: prepares, classifies, refuses and caches them.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "engine/job.h"
#include "engine/sqlite/classify.h"
#include "engine/sqlite/hooks.h"
#include "engine/sqlite/statement.h"
#include "engine/sqlite/statement_cache.h"
#include "engine/worker/owner.h"

namespace aiosqlite {

enum class JobKind : uint8_t {
  kReads,   // reads alone
  kWrites,  // DML, with reads or without: may share a commit
  kAlone,   // anything else, and statements that can't be prepared: running them reports the error
};

class StatementSource {
 public:
  StatementSource(Hooks& hooks, int cache_size, StatementCounters& counters)
      : hooks_(hooks), cache_(static_cast<size_t>(cache_size), counters) {}

  // Classifies statements of `db` from here on.
  void Install(sqlite3* db);
  // Finalizes every statement.
  void Close();

  // The statement for `sql`, from the cache or prepared under `policy`; null with a failure. Exactly one
  // statement, or ERR_STATEMENT_COUNT.
  Statement* Prepare(std::string_view sql, uint8_t policy, std::optional<Failure>& failure);
  // Counts a use of a statement of Prepare(), as a hit of the cache or a miss.
  void CountUse(Statement& statement) { cache_.CountUse(statement); }
  // As Prepare, but the caller owns the statement.
  std::unique_ptr<Statement> PrepareOwn(std::string_view sql, uint8_t policy,
                                        std::optional<Failure>& failure);
  // The first statement of a script, and the rest of the script.
  std::unique_ptr<Statement> PrepareFirst(std::string_view script, uint8_t policy, std::string_view& rest,
                                          std::optional<Failure>& failure);
  // A statement of the engine itself, like "COMMIT". No rule of the user applies to it.
  Statement* PrepareControl(const char* sql, std::optional<Failure>& failure);

  // Classifies a job by its statements. Skips those that preparing could already run. `may_wait`: for the
  // lock of a connection that changes the schema; otherwise such a job is kAlone.
  JobKind KindOf(const Job& job, bool may_wait);

  // Describes a failed step, without a value in its message.
  Failure FailedStep(int rc, std::string_view sql);

  // Has later uses prepare their statements anew.
  void ClearCache() { cache_.Clear(); }
  void ForgetControl(const char* sql) { controls_.erase(sql); }
  void ForgetControls() { controls_.clear(); }
  Classifier& classifier() { return classifier_; }

 private:
  JobKind KindOfStatements(const Job& job);
  // One statement from the start of `sql`, and where it ends. Null with a failure, or without one if `sql`
  // holds none.
  std::unique_ptr<Statement> Compile(std::string_view sql, unsigned flags, uint8_t policy,
                                     std::string_view& rest, std::optional<Failure>& failure,
                                     bool own = false);
  // The failure of a statement that may not run under `policy`.
  static std::optional<Failure> Refuse(const StatementTraits& traits, std::string_view sql, uint8_t policy);

  const OwnerThread owner_;
  Hooks& hooks_;
  sqlite3* db_ = nullptr;
  Classifier classifier_;
  StatementCache cache_;
  // The last PRAGMA. Preparing it already sets or reads its value, so each use prepares it.
  std::unique_ptr<Statement> pragma_;
  // The engine's own statements, by their text. A user's statement may be running around them.
  std::unordered_map<std::string_view, std::unique_ptr<Statement>> controls_;
};

}  // namespace aiosqlite

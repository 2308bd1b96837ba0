// Database: from SQL text to a statement, and what kind of job it makes.
#include <sqlite3.h>

#include <limits>
#include <utility>

#include "engine/sqlite/database.h"
#include "engine/sqlite/error.h"
#include "engine/sqlite/sql_text.h"

namespace aiosqlite {

Statement* Database::Prepare(std::string_view sql, uint8_t policy, Failure& failure) {
  std::optional<Failure> failed;
  Statement* statement = cache_.Find(sql);
  if (statement != nullptr) {
    failed = Refuse(statement->traits(), sql, policy);
  } else if (std::unique_ptr<Statement> prepared = PrepareOwn(sql, policy, failed)) {
    if (sql_text::StartsWith(sql_text::SkipBlank(sql), "pragma")) {
      pragma_ = std::move(prepared);
      return pragma_.get();
    }
    statement = cache_.Add(std::move(prepared));
  }
  if (!failed) return statement;
  failure = std::move(*failed);
  return nullptr;
}

std::unique_ptr<Statement> Database::PrepareOwn(std::string_view sql, uint8_t policy,
                                                std::optional<Failure>& failure) {
  owner_.Check();
  if (sql.find('\0') != std::string_view::npos) {
    failure = OwnFailure("ERR_INVALID_ARG_VALUE", "sql holds U+0000, where SQLite would stop reading");
    return nullptr;
  }
  // A second statement shows when the first is prepared; but preparing a PRAGMA can already run it.
  const std::string_view text = sql_text::SkipBlank(sql);
  const bool pragma = sql_text::StartsWith(text, "pragma");
  bool single = !text.empty() && !(pragma && !sql_text::SkipBlank(sql_text::AfterFirst(text)).empty());
  std::unique_ptr<Statement> statement;
  if (single) {
    std::string_view rest;
    statement = Compile(sql, SQLITE_PREPARE_PERSISTENT, policy, rest, failure);
    if (!failure) single = statement != nullptr && sql_text::SkipBlank(rest).empty();
  }
  if (!single) {
    failure = OwnFailure("ERR_STATEMENT_COUNT",
                         "exactly one SQL statement is expected here: use exec() for a script");
    failure->sql = sql;
  }
  if (!failure) failure = Refuse(statement->traits(), sql, policy);
  return failure ? nullptr : std::move(statement);
}

std::unique_ptr<Statement> Database::Compile(std::string_view sql, unsigned flags, uint8_t policy,
                                             std::string_view& rest, std::optional<Failure>& failure,
                                             bool own) {
  // Semicolons and comments before a statement would be taken for an empty one.
  const std::string_view text = sql_text::SkipBlank(sql);
  // SQLite's own waiting is deaf (see RunningJobs): PRAGMA busy_timeout gets it, and what comes of it goes
  // for ours.
  const bool pragma = sql_text::StartsWith(text, "pragma");
  const bool about_waiting = pragma && sql_text::StartsWith(sql_text::AfterPragma(text), "busy_timeout");
  for (int count = 0;; ++count) {
    sqlite3_stmt* handle = nullptr;
    if (about_waiting) sqlite3_busy_timeout(db_, busy_timeout_ms_);
    const char* tail = nullptr;
    if (own) {
      classifier_.BeginOwn();
    } else {
      classifier_.Begin(policy, text);
    }
    const int rc = sqlite3_prepare_v3(db_, text.data(), static_cast<int>(text.size()), flags, &handle, &tail);
    StatementTraits traits = classifier_.End();
    if (about_waiting) TakeOverBusyTimeout();
    // Preparing a flag PRAGMA has executed it, whatever becomes of the statement.
    if (traits.alters_connection && classifier_.refused() == nullptr && !own) altered_ = true;
    if (traits.alters_connection) sqlite3_busy_handler(db_, &Database::OnBusy, this);
    if (rc == SQLITE_OK) {
      rest = {tail, static_cast<size_t>(text.data() + text.size() - tail)};
      if (handle == nullptr) return nullptr;
      if (sqlite3_stmt_isexplain(handle) != 0) {
        // What a PRAGMA sets, it has set by now.
        const bool alters = traits.alters_connection && !traits.transaction_control;
        traits = {};
        traits.alters_connection = alters;
      }
      const bool reads = sqlite3_stmt_readonly(handle) != 0;
      // VACUUM, of which the authorizer hears nothing; but EXPLAIN and `PRAGMA journal_mode` write nothing.
      if (traits.kind == StatementKind::kRead && !reads && !pragma && sqlite3_stmt_isexplain(handle) == 0)
        traits.kind = StatementKind::kOther;
      // Modules like R*Tree prepare their own writes when a table is used for the first time.
      if (traits.kind == StatementKind::kDml && reads) traits = {};
      return std::make_unique<Statement>(db_, handle, traits, std::string(sql));
    }
    // Another connection of a shared cache holds the schema: the busy handler is not asked for that.
    if (rc == SQLITE_LOCKED_SHAREDCACHE && OnBusy(this, count) != 0) continue;
    if (classifier_.refused() != nullptr) {
      failure = OwnFailure("ERR_CONTROL_STATEMENT", classifier_.refused());
      failure->sql = sql;
    } else {
      failure = Failed(rc, sql);
      if (classifier_.forbade()) {  // of a function it says SQLITE_ERROR
        failure->code = "SQLITE_AUTH";
        failure->errcode = SQLITE_AUTH;
      }
      // SQLite counts from where it began to read.
      if (failure->offset >= 0) failure->offset += static_cast<int>(text.data() - sql.data());
    }
    return nullptr;
  }
}

std::optional<Failure> Database::Refuse(const StatementTraits& traits, std::string_view sql,
                                        uint8_t policy) const {
  std::optional<Failure> failure;
  if (const char* reason = Classifier::Refusal(traits, policy)) {
    failure = OwnFailure("ERR_CONTROL_STATEMENT", reason);
  } else if ((traits.kind == StatementKind::kDml || traits.kind == StatementKind::kOther) &&
             (policy & policy::kReadOnly) != 0) {
    failure = ReadOnlyFailure();
  }
  if (failure) failure->sql = sql;
  return failure;
}

JobKind Database::KindOf(const Job& job, bool may_wait) {
  if (job.request == Request::kScript) return JobKind::kAlone;
  patient_ = may_wait;
  const JobKind kind = KindOfStatements(job);
  patient_ = true;
  return kind;
}

JobKind Database::KindOfStatements(const Job& job) {
  PacketReader packet(job.packet);
  const bool batch = job.request == Request::kBatch;
  const int count = batch ? packet.Int() : 1;
  bool writes = false;
  for (int i = 0; i < count; ++i) {
    const QueryHead head =
        job.request == Request::kMany ? QueryHead::Of(packet.Text()) : QueryHead::Read(packet);
    Failure failure;
    const Statement* statement =
        Prepare(head.sql, policy::kNoSettings | policy::kLooks | job.policy, failure);
    if (statement == nullptr) return JobKind::kAlone;
    const StatementKind kind = statement->traits().kind;
    if (kind == StatementKind::kDml) writes = true;
    if (kind != StatementKind::kDml && kind != StatementKind::kRead) return JobKind::kAlone;
    if (batch) packet.SkipParams(head.params);
  }
  return writes ? JobKind::kWrites : JobKind::kReads;
}

Statement* Database::PrepareControl(const char* sql, std::optional<Failure>& failure) {
  const auto found = controls_.find(sql);
  if (found != controls_.end()) return found->second.get();
  // A limit that the user has set must not keep a transaction from ending. It is for the schema, too, where
  // this reads it: what is asked for is more than there can be, and gives that (sqlite.org/c3ref/limit.html).
  constexpr int kMost = std::numeric_limits<int>::max();
  const int sql_length = sqlite3_limit(db_, SQLITE_LIMIT_SQL_LENGTH, kMost);
  const int vdbe_op = sqlite3_limit(db_, SQLITE_LIMIT_VDBE_OP, kMost);
  std::string_view rest;
  std::unique_ptr<Statement> statement = Compile(sql, SQLITE_PREPARE_PERSISTENT, 0, rest, failure, true);
  sqlite3_limit(db_, SQLITE_LIMIT_SQL_LENGTH, sql_length);
  sqlite3_limit(db_, SQLITE_LIMIT_VDBE_OP, vdbe_op);
  if (statement == nullptr) return nullptr;
  const std::string_view key = statement->sql();
  return controls_.emplace(key, std::move(statement)).first->second.get();
}

}  // namespace aiosqlite

#include "engine/sqlite/statement_source.h"

#include <sqlite3.h>

#include <limits>
#include <utility>

#include "engine/sqlite/error.h"
#include "engine/sqlite/hide_values.h"
#include "engine/sqlite/sql_text.h"

namespace aiosqlite {

void StatementSource::Install(sqlite3* db) {
  db_ = db;
  classifier_.Install(db);
}

void StatementSource::Close() {
  cache_.Clear();
  pragma_.reset();
  controls_.clear();
}

Statement* StatementSource::Prepare(std::string_view sql, uint8_t policy, std::optional<Failure>& failure) {
  if (Statement* const found = cache_.Find(sql)) {
    failure = Refuse(found->traits(), sql, policy);
    return failure ? nullptr : found;
  }
  std::unique_ptr<Statement> prepared = PrepareOwn(sql, policy, failure);
  if (prepared == nullptr) return nullptr;
  if (!sql_text::StartsWith(sql_text::SkipBlank(sql), "pragma")) return cache_.Add(std::move(prepared));
  pragma_ = std::move(prepared);
  return pragma_.get();
}

std::unique_ptr<Statement> StatementSource::PrepareOwn(std::string_view sql, uint8_t policy,
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

std::unique_ptr<Statement> StatementSource::PrepareFirst(std::string_view script, uint8_t policy,
                                                         std::string_view& rest,
                                                         std::optional<Failure>& failure) {
  std::unique_ptr<Statement> statement = Compile(script, 0, policy, rest, failure);
  if (statement != nullptr) failure = Refuse(statement->traits(), script, policy);
  return failure ? nullptr : std::move(statement);
}

std::unique_ptr<Statement> StatementSource::Compile(std::string_view sql, unsigned flags, uint8_t policy,
                                                    std::string_view& rest, std::optional<Failure>& failure,
                                                    bool own) {
  // Semicolons and comments before a statement would be taken for an empty one.
  const std::string_view text = sql_text::SkipBlank(sql);
  const bool pragma = sql_text::StartsWith(text, "pragma");
  const bool about_waiting = pragma && sql_text::StartsWith(sql_text::AfterPragma(text), "busy_timeout");
  for (int count = 0;; ++count) {
    sqlite3_stmt* handle = nullptr;
    if (about_waiting) hooks_.LendBusyTimeout();
    const char* tail = nullptr;
    if (own) {
      classifier_.BeginOwn();
    } else {
      classifier_.Begin(policy, text);
    }
    const int rc = sqlite3_prepare_v3(db_, text.data(), static_cast<int>(text.size()), flags, &handle, &tail);
    StatementTraits traits = classifier_.End();
    if (about_waiting) hooks_.TakeOverBusyTimeout();
    // Preparing a flag PRAGMA has executed it, whatever becomes of the statement.
    if (traits.alters_connection && classifier_.refused() == nullptr && !own) hooks_.MarkAltered();
    if (traits.alters_connection) hooks_.InstallBusyHandler();
    if (rc == SQLITE_OK) {
      rest = {tail, static_cast<size_t>(text.data() + text.size() - tail)};
      if (handle == nullptr) return nullptr;
      if (sqlite3_stmt_isexplain(handle) != 0) {
        // Preparing a PRAGMA has set its value.
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
    if (rc == SQLITE_LOCKED_SHAREDCACHE && hooks_.WaitForLock(count)) continue;
    if (classifier_.refused() != nullptr) {
      failure = OwnFailure("ERR_CONTROL_STATEMENT", classifier_.refused());
      failure->sql = sql;
    } else {
      failure = hooks_.Failed(rc, sql);
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

std::optional<Failure> StatementSource::Refuse(const StatementTraits& traits, std::string_view sql,
                                               uint8_t policy) {
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

JobKind StatementSource::KindOf(const Job& job, bool may_wait) {
  if (job.request == Request::kScript) return JobKind::kAlone;
  hooks_.SetPatient(may_wait);
  const JobKind kind = KindOfStatements(job);
  hooks_.SetPatient(true);
  return kind;
}

JobKind StatementSource::KindOfStatements(const Job& job) {
  EntryReader entries(job.entries);
  const bool batch = job.request == Request::kBatch;
  const int count = batch ? entries.Int() : 1;
  bool writes = false;
  bool asks = false;
  for (int i = 0; i < count; ++i) {
    const QueryHead head =
        job.request == Request::kMany ? QueryHead::Of(entries.Text()) : QueryHead::Read(entries);
    std::optional<Failure> failure;
    const Statement* statement =
        Prepare(head.sql, policy::kNoSettings | policy::kLooks | job.policy, failure);
    if (statement == nullptr) return JobKind::kAlone;
    const StatementKind kind = statement->traits().kind;
    // Of the job before: a group that runs again would answer with what it has undone.
    if (!writes && statement->traits().reads_counter) asks = true;
    if (kind == StatementKind::kDml) writes = true;
    if (kind != StatementKind::kDml && kind != StatementKind::kRead) return JobKind::kAlone;
    if (batch) entries.SkipParams(head.params);
  }
  if (!writes) return JobKind::kReads;
  return asks ? JobKind::kAlone : JobKind::kWrites;
}

Statement* StatementSource::PrepareControl(const char* sql, std::optional<Failure>& failure) {
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

Failure StatementSource::FailedStep(int rc, std::string_view sql) {
  Failure failure = hooks_.Failed(rc, sql);
  if (failure.errcode == 0) return failure;
  std::string hidden = WithoutValues(failure.message);
  if (hidden == failure.message) return failure;
  // A changed schema makes SQLite prepare within the step. A message that preparing the text gives again
  // speaks of the schema, not of values.
  std::string_view rest;
  std::optional<Failure> of_text;
  Compile(sql, 0, policy::kNoSettings | policy::kLooks, rest, of_text);
  if (!of_text || of_text->message != failure.message) failure.message = std::move(hidden);
  return failure;
}

}  // namespace aiosqlite

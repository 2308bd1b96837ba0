#include "engine/sqlite/database.h"

#include <sqlite3.h>

#include <utility>

#include "engine/rows/json_text.h"
#include "engine/sqlite/error.h"
#include "engine/sqlite/hide_values.h"
#include "engine/sqlite/sql_text.h"

namespace aiosqlite {
namespace {

// A failure after which a lease's connection is not given to anyone else.
bool IsUnexpected(int errcode) {
  switch (errcode & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_NOMEM:
    case SQLITE_INTERNAL:
    case SQLITE_PROTOCOL:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<Failure> Database::Run(const Job& job, Outcome& outcome) {
  PacketReader packet(job.packet);
  IfNone if_none = IfNone::kContinue;
  bool none = false;
  return RunQuery(packet, job.policy, outcome, if_none, none);
}

std::optional<Failure> Database::RunBatch(const Job& job, Outcome& outcome) {
  PacketReader packet(job.packet);
  const int count = packet.Int();
  outcome.results.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    IfNone if_none = IfNone::kContinue;
    bool none = false;
    auto failure = RunQuery(packet, job.policy, outcome, if_none, none);
    if (!failure && none && if_none == IfNone::kRollback) {
      failure = OwnFailure("ERR_NO_MATCH",
                           "the query neither returned a row nor changed one, and says ifNone: 'rollback'");
    }
    if (failure) {
      failure->index = i;
      return failure;
    }
    if (none && if_none == IfNone::kStop) break;
  }
  return std::nullopt;
}

std::optional<Failure> Database::RunQuery(PacketReader& packet, uint8_t policy, Outcome& outcome,
                                          IfNone& if_none, bool& none) {
  QueryHead head = QueryHead::Read(packet);
  if_none = head.if_none;
  Failure failure;
  Statement* statement = Prepare(head.sql, policy, failure);
  if (statement == nullptr) return failure;
  cache_.CountUse(*statement);
  if (auto failed = statement->Bind(packet, head.params)) {
    statement->Reset();
    return failed;
  }
  const bool numbers_only = options_.integer_mode == IntegerMode::kNumber;
  const bool can_fail_late = (!head.json_columns.empty() && head.mode != RowMode::kNone) || numbers_only;
  RowEncoder rows(head.mode, options_.integer_mode, head.json_columns);
  outcome.results.emplace_back();
  Result& result = outcome.results.back();
  bool any_row = false;
  const auto step = [&] {
    auto late = StepAll(*statement, policy, rows, result, any_row);
    if (!late && numbers_only && !json::IsSafeInteger(result.last_insert_rowid)) {
      late = OutOfRange("lastInsertRowid", statement->sql());
    }
    return late;
  };
  // A result that can't be delivered must undo the write that it came from.
  const bool dml = statement->traits().kind == StatementKind::kDml;
  auto failed = dml && can_fail_late ? Atomically(true, step) : step();
  if (failed) return failed;
  none = !any_row && result.changes == 0;
  rows.Finish(*statement, head.wants_columns, result);
  return std::nullopt;
}

std::optional<Failure> Database::RunMany(const Job& job, Outcome& outcome) {
  PacketReader packet(job.packet);
  const std::string_view sql = packet.Text();
  int sets = packet.Int();
  Failure failure;
  Statement* statement = Prepare(sql, job.policy, failure);
  if (statement == nullptr) return failure;
  cache_.CountUse(*statement);
  Result total;
  for (; sets > 0; --sets) {
    if (auto failed = statement->Bind(packet, packet.Int())) {
      statement->Reset();
      return failed;
    }
    RowEncoder none(RowMode::kNone, options_.integer_mode, {});
    Result result;
    bool any_row = false;
    if (auto failed = StepAll(*statement, job.policy, none, result, any_row)) return failed;
    total.changes += result.changes;
    if (result.last_insert_rowid != 0) total.last_insert_rowid = result.last_insert_rowid;
  }
  outcome.results.push_back(std::move(total));
  return std::nullopt;
}

std::optional<Failure> Database::RunScript(const Job& job) {
  PacketReader packet(job.packet);
  const std::string_view script = packet.Text();
  if (script.find('\0') != std::string_view::npos) {
    return OwnFailure("ERR_INVALID_ARG_VALUE", "script holds U+0000, where SQLite would stop reading");
  }
  std::string_view left = sql_text::SkipBlank(script);
  while (!left.empty()) {
    std::optional<Failure> failure;
    std::string_view rest;
    const std::unique_ptr<Statement> statement = Compile(left, 0, job.policy, rest, failure);
    if (statement != nullptr) {
      failure = Refuse(statement->traits(), left, job.policy);
      if (!failure) failure = statement->Bind(packet, 0);
      RowEncoder none(RowMode::kNone, options_.integer_mode, {});
      Result result;
      bool any_row = false;
      if (!failure) failure = StepAll(*statement, job.policy, none, result, any_row);
    }
    if (failure) {
      if (failure->offset >= 0) failure->offset += static_cast<int>(left.data() - script.data());
      failure->sql = script;
      return failure;
    }
    left = sql_text::SkipBlank(rest);
  }
  return std::nullopt;
}

std::optional<Failure> Database::StepAll(Statement& statement, uint8_t policy, RowEncoder& rows,
                                         Result& result, bool& any_row) {
  owner_.Check();
  const StatementTraits& traits = statement.traits();
  // Only what this statement inserts counts as its own, so the rowid starts from 0. A text that calls
  // last_insert_rowid() must see the one before, and so must a trigger, but not a neighbour's on a pool.
  const bool asks =
      traits.session_function || (traits.session_trigger && (policy & policy::kNoSessionFunctions) == 0);
  const bool own_rowid = traits.kind == StatementKind::kDml && traits.inserts;
  const sqlite3_int64 before = sqlite3_last_insert_rowid(db_);
  if (own_rowid && !asks) sqlite3_set_last_insert_rowid(db_, 0);
  const bool autocommit = !in_transaction();
  const size_t mark = change_log_.Mark();
  functions_.exception = 0;
  auto failure = StepToEnd(statement, rows, any_row);
  if (!failure && traits.kind == StatementKind::kDml) result.changes = sqlite3_changes64(db_);
  if (own_rowid) {
    const sqlite3_int64 after = sqlite3_last_insert_rowid(db_);
    if (!failure && !(asks && result.changes == 0)) result.last_insert_rowid = after;
    if (after == 0) sqlite3_set_last_insert_rowid(db_, before);
  }
  if (!failure && (traits.alters_connection || traits.creates_temp)) altered_ = true;
  // OR FAIL keeps what came before the failure, and counts it.
  kept_ = failure && (failure->errcode & 0xff) == SQLITE_CONSTRAINT && sqlite3_changes64(db_) > 0;
  if (failure && !kept_) change_log_.TakeBack(mark);
  statement.Reset();
  if (change_log_.watching()) NoteChanges(traits, !failure || (kept_ && autocommit));
  return failure;
}

void Database::NoteChanges(const StatementTraits& traits, bool succeeded) {
  if (succeeded && !traits.savepoint_operation.empty()) {
    change_log_.OnSavepoint(traits.savepoint_operation, traits.savepoint_name);
  }
  if (in_transaction()) return;
  // Autocommit, COMMIT and the RELEASE of an outermost savepoint commit.
  if (succeeded && !traits.rolls_back) {
    change_log_.OnCommitted();
  } else {
    change_log_.OnRolledBack();
  }
}

void Database::NoteUpdate(std::string_view table, int64_t rowid) {
  if (change_log_.watching()) change_log_.Add(std::string(table), SQLITE_UPDATE, rowid);
}

Failure Database::Undone(Statement& statement, Failure failure) {
  undoing_ = true;
  statement.Reset();  // where one that RETURNs rows would commit, if OnCommit let it
  undoing_ = false;
  if (!statement.reads() && in_transaction()) RollBack();
  return failure;
}

std::optional<Failure> Database::StepToEnd(Statement& statement, RowEncoder& rows, bool& any_row) {
  for (;;) {
    const int rc = Step(statement, !any_row);
    if ((rc == SQLITE_ROW || rc == SQLITE_DONE) && functions_.exception != 0)
      return Undone(statement, Failed(SQLITE_ERROR, statement.sql()));
    if (rc == SQLITE_ROW) {
      if (!any_row) {
        if (auto failure = rows.Begin(statement)) return failure;
      }
      const bool first = !any_row;
      any_row = true;
      if (!rows.wants_rows() || (rows.first_only() && !first)) continue;
      if (auto failure = rows.Add(statement))
        return failure->errcode != 0 ? Undone(statement, std::move(*failure)) : failure;
      if (rows.first_only() && statement.reads()) return std::nullopt;
    } else if (rc == SQLITE_DONE) {
      return any_row ? std::nullopt : rows.Begin(statement);
    } else {
      return FailedStep(rc, statement.sql());
    }
  }
}

int Database::Step(Statement& statement, bool first) {
  for (int count = 0;; ++count) {
    stepping_ = &statement;
    const int rc = sqlite3_step(statement.handle());
    stepping_ = nullptr;
    // The busy handler is not asked for the locks of a shared cache (sqlite.org/unlock_notify.html), nor
    // while an open cursor holds a snapshot (sqlite.org/c3ref/busy_handler.html).
    const bool unasked =
        rc == SQLITE_LOCKED_SHAREDCACHE || (rc == SQLITE_BUSY && open_cursors_ > 0 && !in_transaction());
    if (!unasked || !first || OnBusy(this, count) == 0) return rc;
    sqlite3_reset(statement.handle());
  }
}

std::optional<Failure> Database::Control(const char* sql) {
  std::optional<Failure> failure;
  Statement* const statement = PrepareControl(sql, failure);
  if (statement == nullptr) return failure;
  RowEncoder none(RowMode::kNone, IntegerMode::kMixed, {});
  Result result;
  bool any_row = false;
  classifier_.BeginOwn();  // it may be prepared anew
  failure = StepAll(*statement, 0, none, result, any_row);
  classifier_.End();
  if (failure) failure->sql.clear();  // not the caller's text
  return failure;
}

std::optional<Failure> Database::RollBack() {
  auto failure = Control("ROLLBACK");
  doomed_ = failure && sqlite3_get_autocommit(db_) == 0;
  return failure;
}

void Database::RollBackTo(const char* rollback_to, const char* release) {
  if (Control(rollback_to)) {
    if (in_transaction()) RollBack();  // or what was undone in name alone would be committed
  } else {
    Control(release);  // where this fails, it goes with the transaction
  }
}

std::optional<Failure> Database::LeaveDoomed() {
  if (!doomed_) return std::nullopt;
  auto failure = RollBack();
  return doomed_ ? failure : std::nullopt;
}

Failure Database::Failed(int rc, std::string_view sql) {
  Failure failure = SqliteFailure(db_, rc, sql);
  if (const uint32_t exception = std::exchange(functions_.exception, 0)) {
    failure = OwnFailure("ERR_FUNCTION", "a function that the statement calls has failed");
    failure.exception = exception;
    failure.sql = sql;
    return failure;
  }
  if (IsUnexpected(failure.errcode)) altered_ = true;
  if (failure.errcode == SQLITE_BUSY_SNAPSHOT && open_cursors_ > 0) {
    failure.message +=
        ": an open iterator or blob handle on this connection still reads an older snapshot; finish it first";
  }
  // Without an offset in the statement's text, the name comes from the definition of a view, trigger or
  // table.
  if (failure.offset < 0 && IsAboutDoubleQuotes(failure.message))
    failure.message += " It stands in the schema: open the database with doubleQuotedStrings: true";
  const int primary = failure.errcode & 0xff;
  if (primary == SQLITE_INTERRUPT || primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
    const Stop stop = running_.ShouldStop();
    if (stop == Stop::kCancelled) return OwnFailure("ERR_CANCELLED", "the call was cancelled");
    if (stop == Stop::kInterrupted) return SqliteFailure(nullptr, SQLITE_INTERRUPT, sql);
    if (stop == Stop::kDeadline) return OwnFailure("ERR_TIMEOUT", "the call has passed its timeoutMs");
  }
  return failure;
}

Failure Database::FailedStep(int rc, std::string_view sql) {
  Failure failure = Failed(rc, sql);
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

int64_t Database::total_changes() const { return sqlite3_total_changes64(db_); }

bool Database::in_transaction() const { return !doomed_ && sqlite3_get_autocommit(db_) == 0; }

bool Database::has_outstanding_foreign_keys() const {
  int outstanding = 0;
  int highest = 0;
  sqlite3_db_status(db_, SQLITE_DBSTATUS_DEFERRED_FKS, &outstanding, &highest, 0);
  return outstanding != 0;
}

bool Database::TakeAltered() { return std::exchange(altered_, false); }

bool Database::TakeCommit() { return std::exchange(committed_, false); }

bool Database::in_memory() const {
  const char* const file = sqlite3_db_filename(db_, "main");
  if (file == nullptr || *file == '\0') return true;
  // sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlvfsname
  char* vfs = nullptr;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_VFSNAME, &vfs);
  const bool memory = vfs != nullptr && std::string_view(vfs) == "memdb";
  sqlite3_free(vfs);
  return memory;
}

}  // namespace aiosqlite

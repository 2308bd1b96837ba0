#include "engine/sqlite/runner.h"

#include <sqlite3.h>

#include <utility>

#include "engine/rows/json_text.h"
#include "engine/sqlite/error.h"
#include "engine/sqlite/sql_text.h"

namespace aiosqlite {
namespace {

// Whether SQLite undoes a statement that fails like this inside a transaction. Of other errors, such as one
// of a function, its code generator knows nothing: without a statement journal, earlier rows stay.
bool IsUndone(int errcode) {
  switch (errcode) {
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_DATATYPE:
    case SQLITE_CONSTRAINT_FOREIGNKEY:
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_TRIGGER:
    case SQLITE_CONSTRAINT_UNIQUE:
      return true;
    default:
      return false;
  }
}

// An INSERT that is ignored has raised the table's number in sqlite_sequence all the same, uncounted.
bool MayRaiseSequence(const StatementTraits& traits, const Result& result) {
  return traits.inserts && result.changes == 0;
}

bool WantsSecureDelete(const Job& job) { return (job.policy & policy::kSecureDelete) != 0; }

}  // namespace

std::optional<Failure> Runner::Run(const Job& job, Outcome& outcome) {
  Forget();
  if (auto failure = database_.UseSecureDelete(WantsSecureDelete(job))) return failure;
  EntryReader entries(job.entries);
  bool none = false;
  return RunQuery(QueryHead::Read(entries), entries, job.policy, outcome, none);
}

std::optional<Failure> Runner::RunBatch(const Job& job, Outcome& outcome) {
  Forget();
  if (auto failure = database_.UseSecureDelete(WantsSecureDelete(job))) return failure;
  EntryReader entries(job.entries);
  const int count = entries.Int();
  outcome.results.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const QueryHead head = QueryHead::Read(entries);
    bool none = false;
    auto failure = RunQuery(head, entries, job.policy, outcome, none);
    if (!failure && none && head.if_none == IfNone::kRollback) {
      failure = OwnFailure("ERR_NO_MATCH",
                           "the query neither returned a row nor changed one, and says ifNone: 'rollback'");
    }
    if (failure) {
      failure->index = i;
      return failure;
    }
    if (none && head.if_none == IfNone::kStop) break;
  }
  return std::nullopt;
}

std::optional<Failure> Runner::RunQuery(const QueryHead& head, EntryReader& entries, uint8_t policy,
                                        Outcome& outcome, bool& none) {
  std::optional<Failure> failure;
  Statement* const statement = database_.statements().Prepare(head.sql, policy, failure);
  if (statement == nullptr) return failure;
  database_.statements().CountUse(*statement);
  failure = statement->Bind(entries, head.params);
  if (failure) {
    statement->Reset();
    return failure;
  }
  const IntegerMode integers = database_.options().integer_mode;
  const bool numbers_only = integers == IntegerMode::kNumber;
  const bool can_fail_late = (!head.json_columns.empty() && head.mode != RowMode::kNone) || numbers_only;
  RowEncoder rows(head.mode, integers, head.json_columns);
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
  const bool atomic = can_fail_late && statement->traits().kind == StatementKind::kDml;
  const bool torn_before = torn_;
  failure = atomic ? database_.Atomically(true, step) : step();
  if (atomic && failure) {
    kept_ = false;
    torn_ = torn_before;
  }
  if (failure) return failure;
  none = !any_row && result.changes == 0;
  rows.Finish(*statement, head.wants_columns, result);
  return failure;
}

std::optional<Failure> Runner::RunMany(const Job& job, Outcome& outcome) {
  if (auto failure = database_.UseSecureDelete(WantsSecureDelete(job))) return failure;
  EntryReader entries(job.entries);
  const std::string_view sql = entries.Text();
  int sets = entries.Int();
  std::optional<Failure> failure;
  Statement* const statement = database_.statements().Prepare(sql, job.policy, failure);
  if (statement == nullptr) return failure;
  database_.statements().CountUse(*statement);
  Result total;
  for (; sets > 0; --sets) {
    if (auto failed = statement->Bind(entries, entries.Int())) {
      statement->Reset();
      return failed;
    }
    RowEncoder none(RowMode::kNone, database_.options().integer_mode, {});
    Result result;
    bool any_row = false;
    if (auto failed = StepAll(*statement, job.policy, none, result, any_row)) return failed;
    total.changes += result.changes;
    if (result.last_insert_rowid != 0) total.last_insert_rowid = result.last_insert_rowid;
  }
  outcome.results.push_back(std::move(total));
  return std::nullopt;
}

std::optional<Failure> Runner::RunScript(const Job& job) {
  if (auto failure = database_.UseSecureDelete(WantsSecureDelete(job))) return failure;
  EntryReader entries(job.entries);
  const std::string_view script = entries.Text();
  if (script.find('\0') != std::string_view::npos) {
    return OwnFailure("ERR_INVALID_ARG_VALUE", "script holds U+0000, where SQLite would stop reading");
  }
  std::string_view left = sql_text::SkipBlank(script);
  while (!left.empty()) {
    std::optional<Failure> failure;
    std::string_view rest;
    const std::unique_ptr<Statement> statement =
        database_.statements().PrepareFirst(left, job.policy, rest, failure);
    if (statement != nullptr) {
      failure = statement->Bind(entries, 0);
      RowEncoder none(RowMode::kNone, database_.options().integer_mode, {});
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

std::optional<Failure> Runner::StepAll(Statement& statement, uint8_t policy, RowEncoder& rows, Result& result,
                                       bool& any_row) {
  owner_.Check();
  sqlite3* const db = database_.handle();
  ChangeLog& changes = database_.changes();
  const StatementTraits& traits = statement.traits();
  // Only what this statement inserts counts as its own, so the rowid starts from 0. A text that calls
  // last_insert_rowid() must see the one before, and so must a trigger, but not a neighbour's on a pool.
  const bool asks =
      traits.reads_counter || (traits.trigger_reads_counter && (policy & policy::kNoConnectionCounters) == 0);
  const bool own_rowid = traits.kind == StatementKind::kDml && traits.inserts;
  const sqlite3_int64 before = sqlite3_last_insert_rowid(db);
  if (own_rowid && !asks) sqlite3_set_last_insert_rowid(db, 0);
  const bool autocommit = !database_.in_transaction();
  const size_t mark = changes.Mark();
  database_.functions().exception = 0;
  auto failure = StepToEnd(statement, rows, any_row);
  if (!failure && traits.kind == StatementKind::kDml) result.changes = sqlite3_changes64(db);
  if (own_rowid) {
    const sqlite3_int64 after = sqlite3_last_insert_rowid(db);
    if (!failure && !(asks && result.changes == 0)) result.last_insert_rowid = after;
    if (after == 0) sqlite3_set_last_insert_rowid(db, before);
  }
  if (!failure && (traits.alters_connection || traits.creates_temp)) database_.hooks().MarkAltered();
  kept_ = failure && (failure->errcode & 0xff) == SQLITE_CONSTRAINT && sqlite3_changes64(db) > 0;
  if (failure ? traits.kind == StatementKind::kDml && !IsUndone(failure->errcode)
              : MayRaiseSequence(traits, result)) {
    torn_ = true;
  }
  if (failure && !kept_) changes.TakeBack(mark);
  statement.Reset();
  if (changes.reporting()) database_.NoteChanges(traits, !failure || (kept_ && autocommit));
  return failure;
}

std::optional<Failure> Runner::StepToEnd(Statement& statement, RowEncoder& rows, bool& any_row) {
  std::optional<Failure> failure;
  bool wants_row = rows.wants_rows();
  while (database_.Step(statement, !any_row, failure)) {
    if (!any_row) {
      any_row = true;
      if (auto misfit = rows.Begin(statement)) return misfit;
    }
    if (!wants_row) continue;
    if (auto late = rows.Add(statement))
      return late->errcode != 0 ? database_.Undo(statement, std::move(*late)) : late;
    if (!rows.first_only()) continue;
    if (statement.reads()) return std::nullopt;
    wants_row = false;
  }
  return failure || any_row ? failure : rows.Begin(statement);
}

}  // namespace aiosqlite

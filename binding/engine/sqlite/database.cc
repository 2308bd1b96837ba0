#include "engine/sqlite/database.h"

#include <sqlite3.h>

#include <cstdlib>
#include <utility>

#include "engine/features/chunk_text.h"
#include "engine/features/collations.h"
#include "engine/features/full_text.h"
#include "engine/features/json_merge.h"
#include "engine/features/utf8_check.h"
#include "engine/sqlite/error.h"
#include "engine/sqlite/page_remains.h"
#include "engine/sqlite/wal_buffer.h"

namespace aiosqlite {

OpenOptions OpenOptions::Read(EntryReader& entries) {
  OpenOptions options;
  options.file = entries.Text();
  options.readonly = entries.Int() != 0;
  options.must_exist = entries.Int() != 0;
  options.reader = entries.Int() != 0;
  options.double_quoted_strings = entries.Int() != 0;
  options.busy_timeout_ms = entries.Int();
  options.integer_mode = static_cast<IntegerMode>(entries.Int());
  options.statement_cache_size = entries.Int();
  options.journal_mode = entries.Text();
  for (int count = entries.Int(); count > 0; --count) options.pragmas.emplace_back(entries.Text());
  for (int count = entries.Int(); count > 0; --count) options.extensions.emplace_back(entries.Text());
  return options;
}

Database::Database(OpenOptions options, RunningJobs& running, StatementCounters& counters, Host* host)
    : options_(std::move(options)),
      hooks_(running, functions_, options_.busy_timeout_ms),
      statements_(hooks_, options_.statement_cache_size, counters) {
  functions_.host = host;
  functions_.bigints = options_.integer_mode == IntegerMode::kBigint;
  functions_.should_stop = [&running] { return running.ShouldStop() != Stop::kNone; };
}

Database::~Database() {
  owner_.Check();
  statements_.Close();
  // sqlite.org/c3ref/close.html: with every statement finalized it closes at once, and the last connection to
  // a WAL database moves the WAL into the file.
  sqlite3_close(db_);
}

std::optional<Failure> Database::Open(std::string& journal_mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI;
  flags |= options_.readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (!options_.readonly && !options_.must_exist) flags |= SQLITE_OPEN_CREATE;
  const int rc = sqlite3_open_v2(options_.file.c_str(), &db_, flags, nullptr);
  if (rc != SQLITE_OK) {
    Failure failure = SqliteFailure(db_, rc, {});
    failure.message += ": " + options_.file;
    return failure;
  }
  hooks_.Install(db_);
  statements_.Install(db_);
  auto failure = ApplyProfile(journal_mode);
  if (failure && failure->errcode != 0) failure->message += ": " + options_.file;
  return failure;
}

std::optional<Failure> Database::ApplyProfile(std::string& journal_mode) {
  // A database file of unknown origin must not make this program do anything (sqlite.org/security.html).
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // sqlite.org/quirks.html#double_quoted_string_literals_are_accepted: in definitions, and in all other SQL.
  for (const int config : {SQLITE_DBCONFIG_DQS_DDL, SQLITE_DBCONFIG_DQS_DML})
    sqlite3_db_config(db_, config, options_.double_quoted_strings ? 1 : 0, nullptr);
  if (const int rc = RegisterJsonMerge(db_); rc != SQLITE_OK) return Failed(rc, {});
  if (const int rc = RegisterChunkText(db_); rc != SQLITE_OK) return Failed(rc, {});
  if (const int rc = RegisterUtf8Check(db_); rc != SQLITE_OK) return Failed(rc, {});
  if (const int rc = RegisterFullText(db_); rc != SQLITE_OK) return Failed(rc, {});
  if (const int rc = RegisterCollations(db_); rc != SQLITE_OK) return Failed(rc, {});
  if (auto failure = Control("PRAGMA cell_size_check = 1")) return failure;
  // The first read: a file that is no database fails here, not at the first query.
  if (auto failure = Control("PRAGMA schema_version")) return failure;
  if (auto failure = SetJournalMode(journal_mode)) return failure;
  if (!in_memory()) ClearRemainsOnWrite(db_);
  if (journal_mode == "wal" && !options_.reader && !options_.readonly) {
    // A file that has just become WAL opens its WAL with the next read.
    if (auto failure = Control("PRAGMA schema_version")) return failure;
    JoinWalWrites(db_);
  }
  for (const std::string& pragma : options_.pragmas) {
    if (auto failure = Control(pragma.c_str())) return failure;
  }
  for (const std::string& path : options_.extensions) {
    if (auto failure = LoadExtension(path, {})) return failure;
  }
  // From here on we checkpoint the WAL, after the writers have been answered. The threshold stays the
  // profile's.
  std::string threshold;
  if (auto failure = Ask("PRAGMA wal_autocheckpoint", threshold)) return failure;
  hooks_.InstallForWrites(std::atoi(threshold.c_str()));
  if (options_.reader) {
    if (auto failure = Control("PRAGMA query_only = 1")) return failure;
  }
  statements_.ForgetControls();  // none of these comes again
  hooks_.TakeAltered();
  return std::nullopt;
}

std::optional<Failure> Database::SetJournalMode(std::string& journal_mode) {
  if (auto failure = Ask("PRAGMA journal_mode", journal_mode)) return failure;
  if (options_.journal_mode.empty() || options_.journal_mode == journal_mode || options_.readonly)
    return std::nullopt;
  const std::string sql = "PRAGMA journal_mode = " + options_.journal_mode;
  for (int count = 0;; ++count) {
    // Processes that switch at the same moment see SQLITE_BUSY here without the busy handler having been
    // asked.
    auto failure = Ask(sql.c_str(), journal_mode);
    if (!failure || (failure->errcode & 0xff) != SQLITE_BUSY || !hooks_.WaitForLock(count)) return failure;
  }
}

std::optional<Failure> Database::LoadExtension(const std::string& path, const std::string& entry_point) {
  // The C function alone is switched on, the SQL function load_extension() stays off
  // (sqlite.org/c3ref/c_dbconfig_defensive.html#sqlitedbconfigenableloadextension).
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, nullptr);
  char* message = nullptr;
  const int rc = sqlite3_load_extension(db_, path.c_str(),
                                        entry_point.empty() ? nullptr : entry_point.c_str(), &message);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  if (rc == SQLITE_OK) return ForgetSchema();
  Failure failure = Failed(rc, {});
  if (message != nullptr) failure.message = message;
  sqlite3_free(message);
  return failure;
}

std::optional<Failure> Database::ForgetSchema() {
  constexpr const char* kForget = "PRAGMA writable_schema = RESET";
  // A flag PRAGMA acts while it is prepared: the one that is kept from the last time would do nothing.
  statements_.ForgetControl(kForget);
  return Control(kForget);
}

// Jobs that want the same follow each other without a PRAGMA: each costs a prepare.
std::optional<Failure> Database::UseSecureDelete(bool wanted) {
  if (wanted != secure_delete_before_.empty()) return std::nullopt;
  // A flag PRAGMA acts and answers while it is prepared: a statement that is kept would do neither.
  const auto ask = [this](const std::string& pragma, std::string& answer) {
    statements_.ForgetControl(pragma.c_str());
    return Ask(pragma.c_str(), answer);
  };
  std::string before;
  std::string now;
  if (wanted) {
    if (auto failure = ask("PRAGMA secure_delete", before)) return failure;
    if (auto failure = ask("PRAGMA secure_delete = 1", now)) return failure;
    secure_delete_before_ = before == "2" ? "fast" : before;  // how it is written, where it is no boolean
    return std::nullopt;
  }
  if (auto failure = ask("PRAGMA secure_delete = " + secure_delete_before_, now)) return failure;
  secure_delete_before_.clear();
  return std::nullopt;
}

bool Database::Step(Statement& statement, bool first, std::optional<Failure>& failure) {
  for (int count = 0;; ++count) {
    hooks_.SetStepping(&statement);
    const int rc = sqlite3_step(statement.handle());
    hooks_.SetStepping(nullptr);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
      if (functions_.exception == 0) return rc == SQLITE_ROW;
      failure = Undo(statement, Failed(SQLITE_ERROR, statement.sql()));
      return false;
    }
    // SQLite does not ask the busy handler for the locks of a shared cache (sqlite.org/unlock_notify.html),
    // nor while an open cursor holds a snapshot (sqlite.org/c3ref/busy_handler.html).
    const bool unasked = rc == SQLITE_LOCKED_SHAREDCACHE ||
                         (rc == SQLITE_BUSY && hooks_.holds_snapshots() && !in_transaction());
    if (!unasked || !first || !hooks_.WaitForLock(count)) {
      failure = statements_.FailedStep(rc, statement.sql());
      return false;
    }
    sqlite3_reset(statement.handle());
  }
}

Failure Database::Undo(Statement& statement, Failure failure) {
  hooks_.RefuseCommits(true);
  statement.Reset();  // here a statement that RETURNs rows would commit
  hooks_.RefuseCommits(false);
  if (!statement.reads() && in_transaction()) RollBack();
  return failure;
}

std::optional<Failure> Database::RunOwn(const char* sql, std::string* answer) {
  owner_.Check();
  std::optional<Failure> failure;
  Statement* const statement = statements_.PrepareControl(sql, failure);
  if (statement == nullptr) return failure;
  functions_.exception = 0;
  statements_.classifier().BeginOwn();  // SQLite may prepare it anew
  for (bool first = true; Step(*statement, first, failure); first = false) {
    if (!first || answer == nullptr) continue;
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement->handle(), 0));
    *answer = text == nullptr ? "" : text;
  }
  statements_.classifier().End();
  statement->Reset();
  if (change_log_.reporting()) NoteChanges(statement->traits(), !failure);
  if (failure) failure->sql.clear();  // not the caller's text
  return failure;
}

std::optional<Failure> Database::RollBack() {
  auto failure = Control("ROLLBACK");
  doomed_ = failure && sqlite3_get_autocommit(db_) == 0;
  hooks_.RefuseCommits(doomed_);
  return failure;
}

void Database::RollBackTo(const char* rollback_to, const char* release) {
  if (Control(rollback_to)) {
    if (in_transaction()) RollBack();  // otherwise a commit would keep what was undone in name alone
  } else {
    Control(release);  // a failure here is harmless: the transaction ends it
  }
}

std::optional<Failure> Database::LeaveDoomed() {
  if (!doomed_) return std::nullopt;
  auto failure = RollBack();
  return doomed_ ? failure : std::nullopt;
}

bool Database::in_transaction() const { return !doomed_ && sqlite3_get_autocommit(db_) == 0; }

bool Database::has_outstanding_foreign_keys() const {
  int outstanding = 0;
  int highest = 0;
  sqlite3_db_status(db_, SQLITE_DBSTATUS_DEFERRED_FKS, &outstanding, &highest, 0);
  return outstanding != 0;
}

void Database::ReportCommits(bool report) {
  statements_.classifier().VisitDeletedRows(report);
  change_log_.Report(db_, report);
  statements_.ClearCache();  // a DELETE that is prepared already would drop whole pages
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
  if (change_log_.reporting()) change_log_.Add(std::string(table), SQLITE_UPDATE, rowid);
}

int64_t Database::total_changes() const { return sqlite3_total_changes64(db_); }

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

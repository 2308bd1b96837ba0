// Opening and closing: how a connection comes to be ready for its first job.
#include <sqlite3.h>

#include <cstdlib>
#include <utility>

#include "engine/features/collations.h"
#include "engine/features/json_merge.h"
#include "engine/sqlite/database.h"
#include "engine/sqlite/error.h"

namespace aiosqlite {
namespace {

// How many virtual machine steps pass between two looks at cancellation: tens of microseconds.
constexpr int kProgressSteps = 1000;

}  // namespace

OpenOptions OpenOptions::Read(PacketReader& packet) {
  OpenOptions options;
  options.file = packet.Text();
  options.readonly = packet.Int() != 0;
  options.must_exist = packet.Int() != 0;
  options.reader = packet.Int() != 0;
  options.double_quoted_strings = packet.Int() != 0;
  options.busy_timeout_ms = packet.Int();
  options.integer_mode = static_cast<IntegerMode>(packet.Int());
  options.statement_cache_size = packet.Int();
  options.journal_mode = packet.Text();
  for (int count = packet.Int(); count > 0; --count) options.pragmas.emplace_back(packet.Text());
  for (int count = packet.Int(); count > 0; --count) options.extensions.emplace_back(packet.Text());
  return options;
}

Database::Database(OpenOptions options, RunningJobs& running, StatementCounters& counters, Host* host)
    : options_(std::move(options)),
      running_(running),
      cache_(static_cast<size_t>(options_.statement_cache_size), counters),
      busy_timeout_ms_(options_.busy_timeout_ms) {
  functions_.host = host;
  functions_.bigints = options_.integer_mode == IntegerMode::kBigint;
}

Database::~Database() {
  owner_.Check();
  cache_.Clear();
  pragma_.reset();
  controls_.clear();
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
  sqlite3_busy_handler(db_, &Database::OnBusy, this);
  sqlite3_progress_handler(db_, kProgressSteps, &Database::OnProgress, this);
  classifier_.Install(db_);
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
  if (const int rc = RegisterCollations(db_); rc != SQLITE_OK) return Failed(rc, {});
  if (auto failure = Control("PRAGMA cell_size_check = 1")) return failure;
  // The first read: a file that is no database fails here, not at the first query.
  if (auto failure = Control("PRAGMA schema_version")) return failure;
  if (auto failure = SetJournalMode(journal_mode)) return failure;
  for (const std::string& pragma : options_.pragmas) {
    if (auto failure = Control(pragma.c_str())) return failure;
  }
  if (auto failure = LoadExtensions()) return failure;
  // From here on the WAL is checkpointed by us, after the writers have been answered and not before: the hook
  // replaces SQLite's own (sqlite.org/c3ref/wal_hook.html), its threshold stays what the profile says.
  std::string threshold;
  if (auto failure = Ask("PRAGMA wal_autocheckpoint", threshold)) return failure;
  checkpoint_pages_ = checkpoint_due_ = std::atoi(threshold.c_str());
  sqlite3_wal_hook(db_, &Database::OnWal, this);
  sqlite3_commit_hook(db_, &Database::OnCommit, this);
  if (options_.reader) {
    if (auto failure = Control("PRAGMA query_only = 1")) return failure;
  }
  controls_.clear();  // none of these comes again
  altered_ = false;
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
    if (!failure || (failure->errcode & 0xff) != SQLITE_BUSY || OnBusy(this, count) == 0) return failure;
  }
}

std::optional<Failure> Database::LoadExtensions() {
  if (options_.extensions.empty()) return std::nullopt;
  // The C function alone is switched on, the SQL function load_extension() stays off
  // (sqlite.org/c3ref/c_dbconfig_defensive.html#sqlitedbconfigenableloadextension).
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, nullptr);
  std::optional<Failure> failure;
  for (const std::string& path : options_.extensions) {
    char* message = nullptr;
    const int rc = sqlite3_load_extension(db_, path.c_str(), nullptr, &message);
    if (rc == SQLITE_OK) continue;
    failure = Failed(rc, {});
    if (message != nullptr) failure->message = message;
    sqlite3_free(message);
    break;
  }
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  return failure ? failure : ForgetSchema();
}

std::optional<Failure> Database::ForgetSchema() {
  constexpr const char* kForget = "PRAGMA writable_schema = RESET";
  // A flag PRAGMA acts while it is prepared: the one that is kept from the last time would do nothing.
  controls_.erase(kForget);
  return Control(kForget);
}

std::optional<Failure> Database::Ask(const char* sql, std::string& answer) {
  std::optional<Failure> failure;
  Statement* const statement = PrepareControl(sql, failure);
  if (statement == nullptr) return failure;
  classifier_.BeginOwn();  // it may be prepared anew
  const int rc = Step(*statement, true);
  classifier_.End();
  if (rc == SQLITE_ROW) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement->handle(), 0));
    answer = text == nullptr ? "" : text;
  } else if (rc != SQLITE_DONE) {
    failure = Failed(rc, {});
  }
  statement->Reset();
  return failure;
}

}  // namespace aiosqlite

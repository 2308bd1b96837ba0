#include "engine/features/recorder.h"

#include <sqlite3.h>

#include <algorithm>

#include "engine/sqlite/error.h"

namespace aiosqlite {
namespace {

struct Application {
  ConflictPolicy on_conflict;
  const std::vector<std::string>& tables;
  bool violates_foreign_key = false;
};

int OnFilter(void* context, const char* table) {
  const auto& tables = static_cast<Application*>(context)->tables;
  return tables.empty() || std::find(tables.begin(), tables.end(), table) != tables.end() ? 1 : 0;
}

// Whether the table has at least these columns, and this primary key: for each column its place in it, or 0.
// SQLite's result code.
int HasShape(sqlite3* db, const char* table, const unsigned char* key, int columns, bool& has) {
  sqlite3_stmt* ask = nullptr;
  constexpr char kSql[] = "SELECT pk FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0 ORDER BY cid";
  int rc = sqlite3_prepare_v2(db, kSql, -1, &ask, nullptr);
  has = rc == SQLITE_AUTH;  // a rule forbids it: the shape is not known
  if (rc != SQLITE_OK) return has ? SQLITE_OK : rc;
  sqlite3_bind_text(ask, 1, table, -1, SQLITE_STATIC);
  std::vector<int> own;
  bool keyed = false;
  while (sqlite3_step(ask) == SQLITE_ROW) {
    own.push_back(sqlite3_column_int(ask, 0));
    keyed |= own.back() != 0;
  }
  rc = sqlite3_finalize(ask);
  if (rc != SQLITE_OK || own.empty()) return rc;
  if (!keyed) own.insert(own.begin(), 1);  // its rowid
  if (own.size() < static_cast<size_t>(columns)) return SQLITE_OK;
  for (size_t i = 0; i < own.size(); ++i) {
    if (own[i] != (i < static_cast<size_t>(columns) ? key[i] : 0)) return SQLITE_OK;
  }
  has = true;
  return SQLITE_OK;
}

// The first table whose changes SQLite would leave out without a word, or nothing
// (sqlite.org/session/sqlite3changeset_apply.html). SQLite's result code.
int FindMisfit(sqlite3* db, std::string& changeset, Application& application, std::string& misfit) {
  std::string last;
  sqlite3_changeset_iter* changes = nullptr;
  int rc = sqlite3changeset_start(&changes, static_cast<int>(changeset.size()), changeset.data());
  if (rc != SQLITE_OK) return rc;
  while (rc == SQLITE_OK && misfit.empty() && sqlite3changeset_next(changes) == SQLITE_ROW) {
    const char* table = nullptr;
    unsigned char* key = nullptr;
    int columns = 0;
    int operation = 0;
    sqlite3changeset_op(changes, &table, &columns, &operation, nullptr);
    sqlite3changeset_pk(changes, &key, nullptr);
    if (last == table || sqlite3_stricmp(table, "sqlite_stat1") == 0) continue;
    last = table;
    bool fits = true;
    if (OnFilter(&application, table) != 0) rc = HasShape(db, table, key, columns, fits);
    if (!fits) misfit = table;
  }
  sqlite3changeset_finalize(changes);  // applying it reports damage
  return rc;
}

// sqlite.org/session/c_changeset_abort.html: REPLACE is an answer to DATA and CONFLICT alone. SQLite
// reports violated foreign keys once, at the end: leaving out one change does not mend them.
int OnConflict(void* context, int conflict, sqlite3_changeset_iter*) {
  auto* application = static_cast<Application*>(context);
  if (conflict == SQLITE_CHANGESET_FOREIGN_KEY) {
    application->violates_foreign_key = true;
    return SQLITE_CHANGESET_ABORT;
  }
  switch (application->on_conflict) {
    case ConflictPolicy::kOmit:
      return SQLITE_CHANGESET_OMIT;
    case ConflictPolicy::kReplace:
      if (conflict == SQLITE_CHANGESET_DATA || conflict == SQLITE_CHANGESET_CONFLICT)
        return SQLITE_CHANGESET_REPLACE;
      return conflict == SQLITE_CHANGESET_NOTFOUND ? SQLITE_CHANGESET_OMIT : SQLITE_CHANGESET_ABORT;
    default:
      return SQLITE_CHANGESET_ABORT;
  }
}

}  // namespace

Recorder::~Recorder() {
  if (session_ != nullptr) sqlite3session_delete(session_);
}

std::optional<Failure> Recorder::Open(const std::vector<std::string>& tables) {
  int rc = sqlite3session_create(database_.handle(), "main", &session_);
  if (rc == SQLITE_OK && tables.empty()) rc = sqlite3session_attach(session_, nullptr);
  for (const std::string& table : tables) {
    if (rc == SQLITE_OK) rc = sqlite3session_attach(session_, table.c_str());
  }
  if (rc != SQLITE_OK) return SqliteFailure(nullptr, rc, {});
  return std::nullopt;
}

std::optional<Failure> Recorder::Read(bool patchset, Outcome& outcome) {
  int size = 0;
  void* bytes = nullptr;
  const int rc = patchset ? sqlite3session_patchset(session_, &size, &bytes)
                          : sqlite3session_changeset(session_, &size, &bytes);
  outcome.results.emplace_back();
  if (rc == SQLITE_OK)
    outcome.results.back().first.bytes.assign(static_cast<const char*>(bytes), static_cast<size_t>(size));
  sqlite3_free(bytes);
  if (rc != SQLITE_OK) return SqliteFailure(nullptr, rc, {});
  return std::nullopt;
}

std::optional<Failure> ApplyChangeset(Database& database, const Job& job) {
  EntryReader entries(job.entries);
  std::string changeset(entries.Next().bytes);
  const auto on_conflict = static_cast<ConflictPolicy>(entries.Int());
  std::vector<std::string> tables;
  for (int count = entries.Int(); count > 0; --count) tables.emplace_back(entries.Text());
  Application application{on_conflict, tables};
  return database.Noted([&]() -> std::optional<Failure> {
    std::string table;
    if (const int rc = FindMisfit(database.handle(), changeset, application, table); rc != SQLITE_OK)
      return database.Failed(rc, {});
    if (!table.empty()) {
      Failure failure = SqliteFailure(nullptr, SQLITE_SCHEMA, {});
      failure.message =
          "there is no table " + table + " with the columns and the key of the changeset: see `tables`";
      return failure;
    }
    // SQLite applies it in a savepoint of its own (sqlite.org/session/sqlite3changeset_apply.html).
    const int rc = sqlite3changeset_apply(database.handle(), static_cast<int>(changeset.size()),
                                          changeset.data(), &OnFilter, &OnConflict, &application);
    if (rc == SQLITE_OK) return std::nullopt;
    // No message of the connection's speaks of a conflict.
    if (application.violates_foreign_key) return SqliteFailure(nullptr, SQLITE_CONSTRAINT_FOREIGNKEY, {});
    if (rc == SQLITE_ABORT) {
      Failure failure = SqliteFailure(nullptr, rc, {});
      failure.message = "a change conflicts with the database: see onConflict";
      return failure;
    }
    return database.Failed(rc, {});
  });
}

bool InvertChangeset(const std::string& changeset, std::string& inverted) {
  int size = 0;
  void* bytes = nullptr;
  const int rc = sqlite3changeset_invert(static_cast<int>(changeset.size()), changeset.data(), &size, &bytes);
  if (rc == SQLITE_OK) inverted.assign(static_cast<const char*>(bytes), static_cast<size_t>(size));
  sqlite3_free(bytes);
  return rc == SQLITE_OK;
}

}  // namespace aiosqlite

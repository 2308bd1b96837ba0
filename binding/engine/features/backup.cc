#include "engine/features/backup.h"

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/sqlite/error.h"

namespace aiosqlite {
namespace {

std::string Progress(sqlite3_backup* backup) {
  return "[" + std::to_string(sqlite3_backup_remaining(backup)) + "," +
         std::to_string(sqlite3_backup_pagecount(backup)) + "]";
}

// Closes a file that is copied from.
struct CloseFile {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};

// SQLite's names of files are absolute, and symbolic links are resolved where the system has them.
bool IsItself(sqlite3* database, sqlite3* file) {
  const char* const own = sqlite3_db_filename(database, "main");
  const char* const other = sqlite3_db_filename(file, "main");
  return own != nullptr && other != nullptr && *own != '\0' && std::string_view(own) == other;
}

bool IsLocked(int rc) { return (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED; }

// Copies pages, and waits once for each lock. SQLite asks the busy handler for locks of the connection's own
// file, but neither for those of the other file nor for those of a shared cache.
int StepWaiting(sqlite3_backup* backup, int pages, Hooks& hooks) {
  hooks.TakeGaveUp();
  for (int count = 0;; ++count) {
    const int rc = sqlite3_backup_step(backup, pages);
    if (!IsLocked(rc) || hooks.TakeGaveUp() || !hooks.WaitForLock(count)) return rc;
  }
}

}  // namespace

Backup::~Backup() { Close(); }

int Backup::Close() {
  const int rc = sqlite3_backup_finish(std::exchange(backup_, nullptr));
  const int closed = sqlite3_close(std::exchange(copy_, nullptr));
  return rc != SQLITE_OK ? rc : closed;
}

std::optional<Failure> Backup::Failed(int rc) {
  Failure failure = IsLocked(rc) ? source_.Failed(rc, {}) : SqliteFailure(copy_, rc, {});
  Close();
  return failure;
}

std::optional<Failure> Backup::Open(std::string_view destination) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int rc = sqlite3_open_v2(std::string(destination).c_str(), &copy_, flags, nullptr);
  if (rc != SQLITE_OK) return Failed(rc);
  backup_ = sqlite3_backup_init(copy_, "main", source_.handle(), "main");
  if (backup_ == nullptr) return Failed(sqlite3_extended_errcode(copy_));
  return std::nullopt;
}

std::optional<Failure> Backup::Step(int pages, Outcome& outcome) {
  if (backup_ == nullptr) return OwnFailure("ERR_CLOSED", "the backup has ended");
  const int rc = StepWaiting(backup_, pages, source_.hooks());
  outcome.info = Progress(backup_);
  if (rc == SQLITE_OK) return std::nullopt;
  if (rc != SQLITE_DONE) return Failed(rc);
  outcome.done = true;
  const int closed = Close();
  if (closed == SQLITE_OK) return std::nullopt;
  return SqliteFailure(nullptr, closed, {});
}

std::string Backup::ListInUse(EntryReader& entries) {
  std::string list = "[";
  for (int count = entries.Int(); count > 0; --count) {
    const std::string path(entries.Text());
    sqlite3* db = nullptr;
    sqlite3_file* file = nullptr;
    int reserved = 0;
    // sqlite.org/c3ref/io_methods.html: a copy is locked from the first step of its backup to the last.
    if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) ==
            SQLITE_OK &&
        sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK)
      file->pMethods->xCheckReservedLock(file, &reserved);
    sqlite3_close(db);
    if (list.size() > 1) list.push_back(',');
    list.append(reserved != 0 ? "true" : "false");
  }
  return list.append("]");
}

std::optional<Failure> Restore(Database& database, const Job& job, Outcome& outcome) {
  sqlite3* opened = nullptr;
  const std::string path(EntryReader(job.entries).Text());
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  int rc = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  const std::unique_ptr<sqlite3, CloseFile> file(opened);
  if (rc != SQLITE_OK) return SqliteFailure(file.get(), rc, {});
  if (IsItself(database.handle(), file.get()))
    return OwnFailure("ERR_SAME_FILE", "source is the database itself");
  sqlite3_backup* const backup = sqlite3_backup_init(database.handle(), "main", file.get(), "main");
  if (backup == nullptr) return database.Failed(sqlite3_extended_errcode(database.handle()), {});
  // In one step: the database must not be used between two (sqlite.org/c3ref/backup_finish.html).
  rc = StepWaiting(backup, -1, database.hooks());
  outcome.info = Progress(backup);
  sqlite3_backup_finish(backup);
  if (rc == SQLITE_DONE) return std::nullopt;
  return SqliteFailure(nullptr, rc, {});
}

}  // namespace aiosqlite

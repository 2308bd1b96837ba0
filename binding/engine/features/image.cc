#include "engine/features/image.h"

#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/sqlite/database.h"
#include "engine/sqlite/error.h"
#include "engine/sqlite/page_remains.h"

namespace aiosqlite {
namespace {

// sqlite.org/c3ref/serialize.html
int Copy(sqlite3* db, std::string& image) {
  sqlite3_int64 size = 0;
  unsigned char* const bytes = sqlite3_serialize(db, "main", &size, 0);
  if (bytes != nullptr) {
    ClearRemains(bytes, static_cast<size_t>(size));
    image.assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    sqlite3_free(bytes);
    return SQLITE_OK;
  }
  image.clear();
  if (size == 0) return SQLITE_OK;
  // A size below 0: it could not be read; why is not always noted.
  const int rc = size > 0 ? SQLITE_NOMEM : sqlite3_extended_errcode(db);
  return rc == SQLITE_OK ? SQLITE_NOMEM : rc;
}

// Whether a page holds nothing but zeros. 512: what every page size is a multiple of.
bool HasEmptyPage(std::string_view image) {
  if (image.size() < 512) return false;
  // sqlite.org/fileformat.html, 1.3.2: 1 stands for 65536.
  const auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(image[at])); };
  const size_t told = byte(16) << 8 | byte(17);
  const size_t page = told == 1 ? 65536 : std::max<size_t>(told, 512);
  for (size_t at = 0; at < image.size(); at += page) {
    if (image.substr(at, page).find_first_not_of('\0') == std::string_view::npos) return true;
  }
  return false;
}

// Reads every page, and tells what sqlite3_serialize does not: that one could not be read.
int ReadEveryPage(sqlite3* db) {
  sqlite3* copy = nullptr;
  int rc = sqlite3_open_v2(":memory:", &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (rc == SQLITE_OK) {
    // sqlite.org/c3ref/backup_finish.html
    sqlite3_backup* const backup = sqlite3_backup_init(copy, "main", db, "main");
    rc = backup == nullptr ? sqlite3_extended_errcode(copy) : sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE) rc = SQLITE_OK;
  }
  sqlite3_close(copy);
  return rc;
}

// The file that `main` would be if everything were moved into it; empty for a database without a page.
// SQLite's result code.
int ReadImage(sqlite3* db, std::string& image) {
  int rc = Copy(db, image);
  // sqlite3_serialize leaves zeros where a page can't be read, and says nothing. A page may be empty indeed:
  // it is believed if it still is after all pages have been read without a failure.
  for (int tries = 0; rc == SQLITE_OK && HasEmptyPage(image); ++tries) {
    if (tries == 3) return SQLITE_IOERR_READ;
    rc = ReadEveryPage(db);
    if (rc != SQLITE_OK) break;
    std::string again;
    rc = Copy(db, again);
    if (again == image) break;
    image.swap(again);
  }
  return rc;
}

}  // namespace

std::optional<Failure> Serialize(Database& database, Outcome& outcome) {
  outcome.results.emplace_back();
  // In a transaction, so that it is one snapshot however often it is read.
  return database.Atomically(false, [&]() -> std::optional<Failure> {
    database.statements().classifier().BeginOwn();
    const int rc = ReadImage(database.handle(), outcome.results.back().first.bytes);
    database.statements().classifier().End();
    if (rc != SQLITE_OK) return database.Failed(rc, {});
    return std::nullopt;
  });
}

std::optional<Failure> Deserialize(Database& database, const Job& job) {
  const std::string_view image = EntryReader(job.entries).Next().bytes;
  auto* const copy = static_cast<unsigned char*>(sqlite3_malloc64(std::max<size_t>(image.size(), 1)));
  if (copy == nullptr) return database.Failed(SQLITE_NOMEM, {});
  std::copy(image.begin(), image.end(), copy);
  // A WAL needs a file: an image that says so is opened with a rollback journal
  // (sqlite.org/fileformat.html, 1.3.3).
  if (image.size() > 19 && copy[18] == 2 && copy[19] == 2) copy[18] = copy[19] = 1;
  const auto size = static_cast<sqlite3_int64>(image.size());
  const unsigned flags =
      SQLITE_DESERIALIZE_FREEONCLOSE |
      (database.options().readonly ? SQLITE_DESERIALIZE_READONLY : SQLITE_DESERIALIZE_RESIZEABLE);
  const int rc = sqlite3_deserialize(database.handle(), "main", copy, size, size, flags);
  if (rc != SQLITE_OK)
    return database.Failed(rc, {});  // sqlite.org/c3ref/deserialize.html: it has freed the copy
  return database.Control("PRAGMA schema_version");  // what is no database fails here
}

}  // namespace aiosqlite

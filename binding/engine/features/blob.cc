#include "engine/features/blob.h"

#include <sqlite3.h>

#include <string>

#include "engine/sqlite/error.h"

namespace aiosqlite {

Blob::Blob(Database& database, LaneId lane) : Resource(lane), database_(database), hold_(database.hooks()) {}

Blob::~Blob() { sqlite3_blob_close(blob_); }

int Blob::OpenTo(bool write, sqlite3_blob** blob) {
  return sqlite3_blob_open(database_.handle(), schema_.c_str(), table_.c_str(), column_.c_str(), rowid_,
                           write ? 1 : 0, blob);
}

std::optional<Failure> Blob::Open(EntryReader& entries, uint8_t policy, Outcome& outcome) {
  schema_ = entries.Text();
  table_ = entries.Text();
  column_ = entries.Text();
  rowid_ = entries.Next().integer;
  writable_ = entries.Int() != 0;
  if (writable_ && (policy & policy::kReadOnly) != 0) {
    return ReadOnlyFailure();
  }
  if (writable_) {  // reports now whether it may be written
    sqlite3_blob* writer = nullptr;
    const int rc = OpenTo(true, &writer);
    if (rc != SQLITE_OK) return database_.Failed(rc, {});
    sqlite3_blob_close(writer);
  }
  const int rc = OpenTo(false, &blob_);
  if (rc != SQLITE_OK) return database_.Failed(rc, {});
  if (auto refusal = Refusal()) return refusal;
  outcome.info = std::to_string(sqlite3_blob_bytes(blob_));
  return std::nullopt;
}

// sqlite3_blob_open asks neither the authorizer nor whether a table is SQLite's own. SQL that does the same
// is asked for: it is compiled, and not run.
std::optional<Failure> Blob::Refusal() {
  char* const sql = writable_ ? sqlite3_mprintf(R"(UPDATE "%w"."%w" SET "%w" = NULL)", schema_.c_str(),
                                                table_.c_str(), column_.c_str())
                              : sqlite3_mprintf(R"(SELECT "%w" FROM "%w"."%w")", column_.c_str(),
                                                schema_.c_str(), table_.c_str());
  if (sql == nullptr) return SqliteFailure(nullptr, SQLITE_NOMEM, {});
  std::optional<Failure> failure;
  database_.statements().PrepareOwn(sql, 0, failure);
  sqlite3_free(sql);
  if (failure) failure->sql.clear();  // not the caller's text
  return failure;
}

std::optional<Failure> Blob::Read(int offset, int length, Outcome& outcome) {
  outcome.results.emplace_back();
  std::string& bytes = outcome.results.back().first.bytes;
  bytes.resize(static_cast<size_t>(length));
  const int rc = sqlite3_blob_read(blob_, bytes.data(), length, offset);
  if (rc != SQLITE_OK) return database_.Failed(rc, {});
  return std::nullopt;
}

std::optional<Failure> Blob::Write(int offset, std::string_view bytes) {
  if (!writable_) return SqliteFailure(nullptr, SQLITE_READONLY, {});
  // Reading nothing tells whether the row has changed.
  char nothing = 0;
  if (const int rc = sqlite3_blob_read(blob_, &nothing, 0, offset); rc != SQLITE_OK)
    return database_.Failed(rc, {});
  return database_.Noted([&]() -> std::optional<Failure> {
    sqlite3_blob* writer = nullptr;
    int rc = OpenTo(true, &writer);
    if (rc == SQLITE_OK)
      rc = sqlite3_blob_write(writer, bytes.data(), static_cast<int>(bytes.size()), offset);
    const int closed = sqlite3_blob_close(writer);
    if (rc == SQLITE_OK) rc = closed;
    if (rc != SQLITE_OK) return database_.Failed(rc, {});
    database_.NoteUpdate(table_, rowid_);
    return std::nullopt;
  });
}

}  // namespace aiosqlite

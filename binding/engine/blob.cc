#include "engine/blob.h"

#include <sqlite3.h>

#include <string>

#include "engine/error.h"

namespace aiosqlite {

Blob::~Blob() { sqlite3_blob_close(blob_); }

std::optional<Failure> Blob::Open(PacketReader& packet, uint8_t policy, Outcome& outcome) {
  const std::string database(packet.Text());
  const std::string table(packet.Text());
  const std::string column(packet.Text());
  const int64_t rowid = packet.Next().integer;
  const bool writable = packet.Int() != 0;
  if (writable && (policy & policy::kReadOnly) != 0) {
    Failure failure = OwnFailure("SQLITE_READONLY", "attempt to write through a reader");
    failure.errcode = SQLITE_READONLY;
    return failure;
  }
  const int rc = sqlite3_blob_open(database_.handle(), database.c_str(), table.c_str(), column.c_str(), rowid,
                                   writable ? 1 : 0, &blob_);
  if (rc != SQLITE_OK) return SqliteFailure(database_.handle(), rc, {});
  outcome.info = std::to_string(sqlite3_blob_bytes(blob_));
  return std::nullopt;
}

std::optional<Failure> Blob::Read(int offset, int length, Outcome& outcome) {
  outcome.results.emplace_back();
  std::string& bytes = outcome.results.back().first.bytes;
  bytes.resize(static_cast<size_t>(length));
  const int rc = sqlite3_blob_read(blob_, bytes.data(), length, offset);
  if (rc != SQLITE_OK) return SqliteFailure(database_.handle(), rc, {});
  return std::nullopt;
}

std::optional<Failure> Blob::Write(int offset, std::string_view bytes) {
  const int rc = sqlite3_blob_write(blob_, bytes.data(), static_cast<int>(bytes.size()), offset);
  if (rc != SQLITE_OK) return SqliteFailure(database_.handle(), rc, {});
  return std::nullopt;
}

}  // namespace aiosqlite

#include "engine/blob.h"

#include <sqlite3.h>

#include <string>
#include <utility>

#include "engine/error.h"

namespace aiosqlite {

Blob::~Blob() { sqlite3_blob_close(blob_); }

std::optional<Failure> Blob::Open(PacketReader& packet, uint8_t policy, Outcome& outcome) {
  schema_ = packet.Text();
  table_ = packet.Text();
  column_ = packet.Text();
  rowid_ = packet.Next().integer;
  writable_ = packet.Int() != 0;
  if (writable_ && (policy & policy::kReadOnly) != 0) {
    Failure failure = OwnFailure("SQLITE_READONLY", "attempt to write through a reader");
    failure.errcode = SQLITE_READONLY;
    return failure;
  }
  if (const int rc = Acquire(writable_); rc != SQLITE_OK) return database_.Failed(rc, {});
  size_ = sqlite3_blob_bytes(blob_);
  outcome.info = std::to_string(size_);
  return LetGo(SQLITE_OK);
}

int Blob::Acquire(bool write) {
  if (blob_ != nullptr) return SQLITE_OK;
  return sqlite3_blob_open(database_.handle(), schema_.c_str(), table_.c_str(), column_.c_str(), rowid_,
                           write ? 1 : 0, &blob_);
}

// As Acquire, after the first time: the row may be gone, or another.
int Blob::AcquireAgain(bool write) {
  const int rc = Acquire(write);
  if (rc == SQLITE_ERROR || (rc == SQLITE_OK && sqlite3_blob_bytes(blob_) != size_)) return SQLITE_ABORT;
  return rc;
}

std::optional<Failure> Blob::LetGo(int rc) {
  std::optional<Failure> failure;
  if (rc != SQLITE_OK) failure = database_.Failed(rc, {});
  if (!writable_) return failure;
  const int closed = sqlite3_blob_close(std::exchange(blob_, nullptr));
  if (!failure && closed != SQLITE_OK) failure = database_.Failed(closed, {});
  return failure;
}

std::optional<Failure> Blob::Read(int offset, int length, Outcome& outcome) {
  int rc = AcquireAgain(false);
  outcome.results.emplace_back();
  std::string& bytes = outcome.results.back().first.bytes;
  bytes.resize(static_cast<size_t>(length));
  if (rc == SQLITE_OK) rc = sqlite3_blob_read(blob_, bytes.data(), length, offset);
  return LetGo(rc);
}

std::optional<Failure> Blob::Write(int offset, std::string_view bytes) {
  int rc = AcquireAgain(writable_);
  if (rc == SQLITE_OK) rc = sqlite3_blob_write(blob_, bytes.data(), static_cast<int>(bytes.size()), offset);
  return LetGo(rc);
}

}  // namespace aiosqlite

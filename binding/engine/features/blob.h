// Worker thread. One value of one row, read and written in parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/features/resource.h"
#include "engine/sqlite/database.h"

struct sqlite3_blob;

namespace aiosqlite {

// Between writes it only reads: a handle that writes would hold the write lock, and keep whatever else this
// connection writes from being committed, until it is closed (sqlite.org/c3ref/blob_close.html).
class Blob final : public Resource {
 public:
  Blob(Database& database, LaneId lane);
  ~Blob() override;

  // Reads the place from the entries of kOpenBlob; `outcome.info`: its size.
  std::optional<Failure> Open(EntryReader& entries, uint8_t policy, Outcome& outcome);
  // Once the row has changed every call answers SQLITE_ABORT (sqlite.org/c3ref/blob_open.html).
  std::optional<Failure> Read(int offset, int length, Outcome& outcome);
  // Commits, unless a transaction is open.
  std::optional<Failure> Write(int offset, std::string_view bytes);

 private:
  int OpenTo(bool write, sqlite3_blob** blob);
  std::optional<Failure> Refusal();

  Database& database_;
  const Hooks::SnapshotHold hold_;
  std::string schema_;
  std::string table_;
  std::string column_;
  int64_t rowid_ = 0;
  bool writable_ = false;
  sqlite3_blob* blob_ = nullptr;
};

}  // namespace aiosqlite

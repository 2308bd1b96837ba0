// Worker thread. One value of one row, read and written in parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/database.h"
#include "engine/resource.h"

struct sqlite3_blob;

namespace aiosqlite {

// A writable one is opened anew for each call. SQLite commits nothing while a write is under way on the
// connection, and an open handle for writing is one: what others write meanwhile would be told and not be there.
class Blob final : public Resource {
 public:
  Blob(Database& database, LaneId lane) : Resource(lane), database_(database) {}
  ~Blob() override;

  // Reads where from the packet of kOpenBlob; `outcome.info`: its size.
  std::optional<Failure> Open(PacketReader& packet, uint8_t policy, Outcome& outcome);
  // Once the row has changed every call answers SQLITE_ABORT (sqlite.org/c3ref/blob_open.html); if it is
  // writable, once the row is gone or the value has another size.
  std::optional<Failure> Read(int offset, int length, Outcome& outcome);
  std::optional<Failure> Write(int offset, std::string_view bytes);

 private:
  int Acquire(bool write);
  int AcquireAgain(bool write);
  // What came of a call.
  std::optional<Failure> LetGo(int rc);

  Database& database_;
  std::string schema_;
  std::string table_;
  std::string column_;
  int64_t rowid_ = 0;
  int size_ = 0;
  bool writable_ = false;
  sqlite3_blob* blob_ = nullptr;
};

}  // namespace aiosqlite

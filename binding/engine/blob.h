// Worker thread. One value of one row, read and written in parts.
#pragma once

#include <optional>
#include <string_view>

#include "engine/database.h"
#include "engine/resource.h"

struct sqlite3_blob;

namespace aiosqlite {

class Blob final : public Resource {
 public:
  Blob(Database& database, LaneId lane) : Resource(lane), database_(database) {}
  ~Blob() override;

  // Reads where from the packet of kOpenBlob; `outcome.info`: its size.
  std::optional<Failure> Open(PacketReader& packet, uint8_t policy, Outcome& outcome);
  // Once the row has changed every call answers SQLITE_ABORT (sqlite.org/c3ref/blob_open.html).
  std::optional<Failure> Read(int offset, int length, Outcome& outcome);
  std::optional<Failure> Write(int offset, std::string_view bytes);

 private:
  Database& database_;
  sqlite3_blob* blob_ = nullptr;
};

}  // namespace aiosqlite

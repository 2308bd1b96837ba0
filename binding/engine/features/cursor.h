// Worker thread. A read that is stepped only as far as its consumer asks.
#pragma once

#include <memory>
#include <optional>

#include "engine/features/resource.h"
#include "engine/job.h"
#include "engine/sqlite/database.h"

namespace aiosqlite {

// Owns its statement, outside the cache, and the entries whose texts are bound to it. While it is open it
// holds a snapshot; other jobs run between its batches.
class Cursor final : public Resource {
 public:
  // Takes over the entries of a kOpenCursor job.
  Cursor(Database& database, Job& job);

  // Prepares and binds. Statements that write are refused.
  std::optional<Failure> Open();
  // The next rows: as many as the batch size says or as fill some 256 KB. `outcome.done` once there are no
  // more.
  std::optional<Failure> Next(Outcome& outcome);

 private:
  Database& database_;
  const Hooks::SnapshotHold hold_;
  const Entries entries_;
  const uint8_t policy_;
  std::unique_ptr<Statement> statement_;
  QueryHead head_;
  int batch_size_ = 0;
  bool stepped_ = false;
  bool done_ = false;
};

}  // namespace aiosqlite

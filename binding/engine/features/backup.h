// Worker thread. Copies the database into another file, some pages at a time, or a file into the database at
// once.
#pragma once

#include <optional>
#include <string>

#include "engine/features/resource.h"
#include "engine/sqlite/database.h"

struct sqlite3_backup;

namespace aiosqlite {

// Other jobs run between its steps. Writes of this connection go into the copy; those of others start it
// anew, unless a transaction pins the snapshot (sqlite.org/c3ref/backup_finish.html).
class Backup final : public Resource {
 public:
  Backup(Database& source, LaneId lane) : Resource(lane), source_(source) {}
  ~Backup() override;

  std::optional<Failure> Open(std::string_view destination);
  // Finds out, as JSON, whether a connection of any process writes to each file in the entries.
  static std::string ListInUse(EntryReader& entries);
  // `outcome.info`: remaining and total pages. `outcome.done` once all are copied and the copy is closed.
  std::optional<Failure> Step(int pages, Outcome& outcome);

 private:
  std::optional<Failure> Failed(int rc);
  // The result of closing the copy, which is where its last write can fail.
  int Close();

  Database& source_;
  sqlite3* copy_ = nullptr;
  sqlite3_backup* backup_ = nullptr;
};

// kRestore: replaces `main` by what a file holds, or changes nothing. `outcome.info`: remaining and total
// pages.
std::optional<Failure> Restore(Database& database, const Job& job, Outcome& outcome);

}  // namespace aiosqlite

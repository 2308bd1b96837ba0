// Worker thread. Records what this connection changes, as changesets (sqlite.org/sessionintro.html).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/features/resource.h"
#include "engine/sqlite/database.h"

struct sqlite3_session;

namespace aiosqlite {

class Recorder final : public Resource {
 public:
  Recorder(Database& database, LaneId lane) : Resource(lane), database_(database) {}
  ~Recorder() override;

  // Of these tables, or of all if there are none.
  std::optional<Failure> Open(const std::vector<std::string>& tables);
  std::optional<Failure> Read(bool patchset, Outcome& outcome);

 private:
  Database& database_;
  sqlite3_session* session_ = nullptr;
};

// kApplyChangeset. All or nothing.
std::optional<Failure> ApplyChangeset(Database& database, const Job& job);

// Any thread. The changeset that undoes this one; false if it is none.
// A string, because SQLite reads the byte behind what is cut off after a column.
bool InvertChangeset(const std::string& changeset, std::string& inverted);

}  // namespace aiosqlite

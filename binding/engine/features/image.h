// Worker thread. A whole database as bytes.
#pragma once

#include <optional>

#include "engine/job.h"

namespace aiosqlite {

class Database;

// kSerialize: `main` as one file without a WAL, as bytes of the first result; empty for a database without a
// page. One snapshot.
std::optional<Failure> Serialize(Database& database, Outcome& outcome);
// kDeserialize: replaces `main` by a copy of the image, in memory.
std::optional<Failure> Deserialize(Database& database, const Job& job);

}  // namespace aiosqlite

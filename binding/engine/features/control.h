// Worker thread. Requests about the connection itself, beside running SQL.
#pragma once

#include <optional>

#include "engine/job.h"

namespace aiosqlite {

class Database;

// kDescribe, kStatus: `outcome.info` is JSON.
std::optional<Failure> Describe(Database& database, const Job& job, Outcome& outcome);
std::optional<Failure> Status(Database& database, Outcome& outcome);
// kSetLimit: `outcome.info` is the value before.
std::optional<Failure> SetLimit(Database& database, const Job& job, Outcome& outcome);
std::optional<Failure> LoadExtension(Database& database, const Job& job);
std::optional<Failure> Authorize(Database& database, const Job& job);
std::optional<Failure> DefineFunction(Database& database, const Job& job);

}  // namespace aiosqlite

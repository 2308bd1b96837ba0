// Jobs, as the JavaScript side would make them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/job.h"

namespace aiosqlite::test {

using std::chrono::milliseconds;

struct Blob {
  std::string bytes;
};

/// One value to bind.
struct Param {
  Param(std::nullptr_t) {}                                     // NOLINT(google-explicit-constructor)
  Param(int value) : tag(Tag::kInteger), integer(value) {}     // NOLINT(google-explicit-constructor)
  Param(int64_t value) : tag(Tag::kInt64), integer(value) {}   // NOLINT(google-explicit-constructor)
  Param(double value) : tag(Tag::kReal), real(value) {}        // NOLINT(google-explicit-constructor)
  Param(const char* value) : tag(Tag::kText), bytes(value) {}  // NOLINT(google-explicit-constructor)
  Param(std::string value)
      : tag(Tag::kText), bytes(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Param(Blob value)
      : tag(Tag::kBlob), bytes(std::move(value.bytes)) {}  // NOLINT(google-explicit-constructor)

  Tag tag = Tag::kNull;
  int64_t integer = 0;
  double real = 0;
  std::string bytes;
};
using Params = std::vector<Param>;

void Add(Entries& entries, const Param& param);

struct Query {
  std::string sql;
  Params params = {};
  RowMode mode = RowMode::kNone;
  IfNone if_none = IfNone::kContinue;
  std::vector<std::string> json_columns = {};
  bool wants_columns = false;
  std::vector<std::pair<std::string, Param>> named = {};  // instead of params
};

/// Longer than any test may take: a wait that ends was not ended by this limit.
inline constexpr int kForeverMs = 600'000;

/// How a file is opened. The default is as a writer of a pool, without waiting for the disk.
struct Settings {
  std::string journal_mode = "wal";
  int busy_timeout_ms = kForeverMs;
  bool readonly = false;
  bool must_exist = false;
  bool reader = false;
  bool double_quoted_strings = false;
  IntegerMode integer_mode = IntegerMode::kMixed;
  int statement_cache_size = 128;
  std::vector<std::string> pragmas = {"PRAGMA synchronous = OFF"};
};

JobPtr Run(const std::string& sql, const Params& params = {});
JobPtr Run(const Query& query);
JobPtr All(const std::string& sql, const Params& params = {});  // rows as arrays
JobPtr Many(const std::string& sql, const std::vector<Params>& sets);
JobPtr Batch(const std::vector<Query>& queries);
JobPtr Script(const std::string& sql);
JobPtr Begin(LaneId lane, BeginMode mode);
JobPtr End(LaneId lane, EndMode mode);
JobPtr Close();
JobPtr Open(const std::string& file, const Settings& settings = {});
JobPtr OpenCursor(int batch_size, const Query& query);
/// A function of the host: see FunctionSpec.
JobPtr Define(int kind, const std::string& name, int argument_count, int function);
/// Any other request, with numbers, names and blobs in the order that binding/engine/job.h tells.
JobPtr Ask(Request request, const Params& values);

// The job with one thing changed.
JobPtr In(LaneId lane, JobPtr job);
JobPtr Under(uint8_t policy, JobPtr job);
JobPtr Within(milliseconds timeout, JobPtr job);
JobPtr Cancellable(JobPtr job);

/// A lane of its own for a transaction or a lease.
LaneId NewLane();

}  // namespace aiosqlite::test

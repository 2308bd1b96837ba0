// Worker thread. Open resources of a connection: cursors, backups, blobs, recorders.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "engine/features/resource.h"
#include "engine/sqlite/database.h"
#include "engine/worker/owner.h"

namespace aiosqlite {

class Resources {
 public:
  explicit Resources(Database& database) : database_(database) {}

  // Whether it is one of the requests that this class serves.
  static bool Serves(Request request) {
    return request >= Request::kOpenCursor && request <= Request::kCloseResource;
  }
  std::optional<Failure> Serve(Job& job, Outcome& outcome);
  // A transaction or a lease ends: what was opened in it ends before.
  void CloseAllOf(LaneId lane);

 private:
  // Keeps what has been opened, unless that failed.
  std::optional<Failure> Keep(JobId id, std::unique_ptr<Resource> resource, std::optional<Failure> failure);
  // Null if it is closed, or something else.
  template <class Kind>
  Kind* Find(EntryReader& entries);

  const OwnerThread owner_;
  Database& database_;
  std::unordered_map<JobId, std::unique_ptr<Resource>> open_;
};

}  // namespace aiosqlite

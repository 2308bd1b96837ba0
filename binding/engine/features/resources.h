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

  // Whether this class serves the request.
  static bool Serves(Request request) {
    return request >= Request::kOpenCursor && request <= Request::kCloseResource;
  }
  std::optional<Failure> Serve(Job& job, Outcome& outcome);
  // Closes the resources of a transaction or lease, before it ends.
  void CloseAllOf(LaneId lane);

 private:
  // Keeps a resource, unless opening it failed.
  std::optional<Failure> Keep(JobId id, std::unique_ptr<Resource> resource, std::optional<Failure> failure);
  // Null if the resource is closed, or of another kind.
  template <class Kind>
  Kind* Find(EntryReader& entries);

  const OwnerThread owner_;
  Database& database_;
  std::unordered_map<JobId, std::unique_ptr<Resource>> open_;
};

}  // namespace aiosqlite

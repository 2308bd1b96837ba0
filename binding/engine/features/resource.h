// Worker thread. Something that a job has opened and that stays open until it is closed.
#pragma once

#include "engine/job.h"

namespace aiosqlite {

// Belongs to the lane that it was opened in, and ends with that lane at the latest.
class Resource {
 public:
  explicit Resource(LaneId lane) : lane_(lane) {}
  virtual ~Resource() = default;
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;

  LaneId lane() const { return lane_; }

 private:
  const LaneId lane_;
};

}  // namespace aiosqlite

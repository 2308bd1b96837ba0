// Worker thread. Functions of the host language that SQL calls while the worker waits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/entries.h"
#include "protocol.h"

namespace aiosqlite {

// One call. It stands on the worker's stack until it is answered.
struct HostCall {
  uint32_t function = 0;
  HostOperation operation = HostOperation::kCall;
  uint32_t instance = 0;  // of an aggregate: whose state; 0: none yet
  std::vector<Value> arguments;
  bool bigints = false;  // every integer argument as such
  // The answer.
  Entries result;          // one value, if the function has given one
  uint32_t exception = 0;  // under which the host keeps what was thrown; 0: nothing was
};

class Host {
 public:
  virtual ~Host() = default;
  // Blocks until it is answered. False if it never will be: the host is going down.
  virtual bool Call(HostCall& call) = 0;
};

}  // namespace aiosqlite

// Worker thread. Functions of the host language that SQL calls while the worker waits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/entries.h"
#include "protocol.h"

namespace aiosqlite {

// One call of a function. It lives on the worker's stack until the host has answered.
struct HostCall {
  uint32_t function = 0;
  HostOperation operation = HostOperation::kCall;
  uint32_t instance = 0;  // of an aggregate: whose state; 0: none yet
  std::vector<Value> arguments;
  bool bigints = false;  // every integer argument as such
  // The host's answer.
  Entries result;          // one value, if the function has given one
  uint32_t exception = 0;  // under which the host keeps what was thrown; 0: nothing was
};

class Host {
 public:
  virtual ~Host() = default;
  // Blocks until the host has answered. False if the host ends and never will.
  virtual bool Call(HostCall& call) = 0;
};

}  // namespace aiosqlite

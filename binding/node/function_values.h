// JavaScript thread. Arguments and results of JavaScript functions that SQL calls.
#pragma once

#include <napi.h>

#include <cstdint>

#include "engine/entries.h"
#include "engine/features/host.h"
#include "protocol.h"

namespace aiosqlite {

// Arguments for a JavaScript function.
Napi::Value ArgumentsOf(Napi::Env env, const HostCall& call);
// Adds the function's result to `result`. An array holds the id of an exception, which is returned;
// exception_id::kUnknown while the environment ends.
uint32_t ReadResult(Napi::Value value, Entries& result);

}  // namespace aiosqlite

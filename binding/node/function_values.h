// JavaScript thread. What a JavaScript function is given, and what it answers.
#pragma once

#include <napi.h>

#include <cstdint>

#include "engine/entries.h"
#include "engine/features/host.h"
#include "protocol.h"

namespace aiosqlite {

// What a JavaScript function is given.
Napi::Value ArgumentsOf(Napi::Env env, const HostCall& call);
// Adds its answer to `result`. An array holds the id of an exception, which is returned;
// exception_id::kUnknown while the environment ends.
uint32_t ReadResult(Napi::Value value, Entries& result);

}  // namespace aiosqlite

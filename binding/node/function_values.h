// JavaScript thread. What a JavaScript function is given, and what it answers.
#pragma once

#include <napi.h>

#include <cstdint>

#include "engine/host.h"
#include "engine/packet.h"

namespace aiosqlite {

// Stands for what was thrown where nobody can tell any more: the environment ends.
constexpr uint32_t kUnknownException = 0xFFFFFFFF;

// What a JavaScript function is given.
Napi::Value ArgumentsOf(Napi::Env env, const HostCall& call);
// What it has answered, as one value. The number of the exception if that is what an array stands for, else
// 0.
uint32_t ReadResult(Napi::Value value, Packet& result);

}  // namespace aiosqlite

// JavaScript thread. What one environment (the main thread, a worker_thread) has once.
#pragma once

#include <napi.h>

#include <unordered_set>

#include "node/completion.h"
#include "node/job_decoder.h"

namespace aiosqlite {

struct Environment {
  explicit Environment(Napi::Env env) : completion(env) {}

  Completion completion;
  Scratch scratch;
  Napi::ObjectReference scratch_buffer;
  std::unordered_set<class WorkerObject*> workers;
};

}  // namespace aiosqlite

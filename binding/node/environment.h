// JavaScript thread. State of one environment: of the main thread, or of a worker_thread.
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

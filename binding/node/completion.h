// Carries finished jobs from the workers back to JavaScript.
#pragma once

#include <napi.h>

#include <mutex>
#include <vector>

#include "engine/job.h"

namespace aiosqlite {

// One per environment. Many outcomes cost one wake-up: what is finished when JavaScript comes to it is
// delivered in one call of the dispatcher. It keeps the process alive only while jobs are in flight.
class Completion final : public OutcomeSink {
 public:
  explicit Completion(Napi::Env env);
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  // Any worker's thread.
  void Post(std::vector<Outcome>&& outcomes) override;

  // ── JavaScript thread ──
  void SetDispatcher(Napi::Function dispatcher);
  // A job has been handed over: one outcome is to come.
  void Expect();
  // A job has been taken back: its outcome won't come.
  void Unexpect(size_t jobs);
  // The environment ends: nothing is delivered from here on.
  void Shutdown();

 private:
  static void OnWake(napi_env env, napi_value, void* self, void*);
  void Deliver(Napi::Env env);

  Napi::Env env_;
  Napi::FunctionReference dispatcher_;
  napi_threadsafe_function wake_ = nullptr;
  size_t in_flight_ = 0;
  std::mutex mutex_;
  std::vector<Outcome> finished_;
  bool shut_down_ = false;
};

}  // namespace aiosqlite

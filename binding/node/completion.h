// JavaScript thread, apart from Post and Call. Carries finished jobs from the workers to JavaScript, and
// calls of JavaScript functions from SQL.
#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "engine/features/host.h"
#include "engine/job.h"
#include "engine/worker/owner.h"
#include "engine/worker/spin.h"

namespace aiosqlite {

// One per environment. Many outcomes cost one wake-up: what is finished when JavaScript comes to it is
// delivered in one call of the dispatcher. It keeps the process alive only while jobs are in flight.
class Completion final : public OutcomeSink, public Host {
 public:
  explicit Completion(Napi::Env env);
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  // Any worker's thread.
  void Post(std::vector<Outcome>&& outcomes) override;
  bool Call(HostCall& call) override;

  // ── JavaScript thread ──
  void SetDispatcher(Napi::Function dispatcher);
  // Gets (function, operation, instance, arguments); returns a value to bind, or an array with what stands
  // for an exception.
  void SetFunctionCaller(Napi::Function caller);
  // A job has been handed over: one outcome is to come.
  void Expect();
  // A job has been taken back: its outcome won't come.
  void Unexpect(size_t jobs);
  // Around the publication of jobs. A job that is alone and short is answered sooner by waiting for it than
  // by way of the event loop; see spin::DirectWait.
  void BeginDirect();
  void EndDirect(Napi::Env env);
  // The environment ends: nothing is delivered from here on.
  void Shutdown();

 private:
  static void OnWake(napi_env env, napi_value, void* self, void*);
  struct PendingCall {
    HostCall& call;
    std::atomic<bool> answered{false};
    bool made = false;
  };
  void Wake();
  void Deliver(Napi::Env env);
  // True if there were any.
  bool MakeCalls(Napi::Env env);
  void MakeCall(Napi::Env env, HostCall& call);

  const OwnerThread owner_;
  Napi::Env env_;
  Napi::FunctionReference dispatcher_;
  napi_threadsafe_function wake_ = nullptr;
  size_t in_flight_ = 0;
  std::mutex mutex_;
  std::vector<Outcome> finished_;
  std::vector<Outcome> outcomes_;  // JavaScript thread: those that are being delivered ...
  size_t delivered_ = 0;           // ... and how many of them have been
  Napi::FunctionReference caller_;
  std::vector<PendingCall*> calls_;
  std::atomic<size_t> call_count_{0};
  std::condition_variable answered_;
  std::atomic<size_t> finished_count_{0};
  spin::DirectWait direct_wait_;  // JavaScript thread
  bool direct_ = false;           // no wake-up is needed: JavaScript waits in place
  bool awake_ = false;            // a wake-up is on its way
  bool shut_down_ = false;
};

}  // namespace aiosqlite

// JavaScript thread. A Worker as JavaScript holds it: starts and ends the thread.
#pragma once

#include <napi.h>

#include <memory>

#include "engine/worker/queue.h"
#include "engine/worker/worker.h"
#include "node/environment.h"

namespace aiosqlite {

// Thin and without checks, as QueueObject. Methods for JavaScript:
//
// clang-format off
//   new Worker(queue)
//   open(number, texts, blobs) starts the thread with the kOpen job in the scratch area
//   beginClose()               ends waiting for locks
//   interrupt()                ends the statement that runs now, if one does
//   join()                     after the outcome of kClose, or of a kOpen that failed: waits for the thread
//   stats()                    an array of numbers: see stat::Stat
// clang-format on
class WorkerObject final : public Napi::ObjectWrap<WorkerObject> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit WorkerObject(const Napi::CallbackInfo& info);
  ~WorkerObject() override;

  // Interrupts what runs and joins the thread.
  void OnEnvironmentEnd();

 private:
  void Open(const Napi::CallbackInfo& info);
  void BeginClose(const Napi::CallbackInfo& info);
  void Interrupt(const Napi::CallbackInfo& info);
  void Join(const Napi::CallbackInfo& info);
  Napi::Value Stats(const Napi::CallbackInfo& info);

  Environment* environment_;
  std::shared_ptr<Queue> queue_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace aiosqlite

// JavaScript thread. A Queue as JavaScript holds it: takes calls, makes jobs.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "engine/worker/queue.h"
#include "node/environment.h"

namespace aiosqlite {

// Thin and without checks: src/ has checked everything before. Methods for JavaScript:
//
// clang-format off
//   new Queue(maxPending, maxPendingBytes)
//   submit(texts, blobs)       stages the job in the scratch area; false if the queue is full
//   publish()                  lets the workers see what was staged
//   cancel(id, evenRunning)    true if it was still queued: no outcome will come
//   drain(lane), expire(ms)    ids of the jobs taken out: no outcome will come
//   pending()                  number of jobs that wait
// clang-format on
class QueueObject final : public Napi::ObjectWrap<QueueObject> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit QueueObject(const Napi::CallbackInfo& info);

  const std::shared_ptr<Queue>& queue() const { return queue_; }

 private:
  Napi::Value Submit(const Napi::CallbackInfo& info);
  void Publish(const Napi::CallbackInfo& info);
  Napi::Value Cancel(const Napi::CallbackInfo& info);
  Napi::Value Drain(const Napi::CallbackInfo& info);
  Napi::Value Expire(const Napi::CallbackInfo& info);
  Napi::Value Pending(const Napi::CallbackInfo& info);
  Napi::Value TakenBack(const std::vector<JobId>& ids);

  Environment* const environment_;
  std::shared_ptr<Queue> queue_;
};

}  // namespace aiosqlite

// JavaScript thread. The object that JavaScript holds: takes calls, makes jobs.
#pragma once

#include <napi.h>

#include <memory>
#include <unordered_set>

#include "engine/worker/queue.h"
#include "engine/worker/worker.h"
#include "node/completion.h"
#include "node/job_decoder.h"

namespace aiosqlite {

// State of one environment (the main thread, a worker_thread).
struct Environment {
  explicit Environment(Napi::Env env) : completion(env) {}

  Completion completion;
  Scratch scratch;
  Napi::ObjectReference scratch_buffer;
  Napi::FunctionReference connection_class;
  std::unordered_set<class Connection*> connections;
};

// Thin and without checks: src/ has checked everything before. Methods for JavaScript:
//
// clang-format off
//   new Connection(maxPending, maxPendingBytes) or new Connection(other): one that shares the other's queue
//   open(number, text, blobs)  starts the worker on the kOpen job in the scratch area
//   submit(text, blobs)        stages the job in the scratch area; false if the queue is full
//   publish()                  lets the workers see what was staged
//   cancel(id, evenRunning)    true if it was still queued: no outcome will come
//   drain(lane), expire(ms)    ids of the jobs taken out: no outcome will come
//   beginClose()               ends waiting for locks
//   interrupt()                ends the statement that runs now, if one does
//   join()                     after the outcome of kClose, or of a kOpen that failed: waits for the thread
//   stats()                    an array of numbers: see stat::Stat
// clang-format on
class Connection final : public Napi::ObjectWrap<Connection> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Connection(const Napi::CallbackInfo& info);
  ~Connection() override;

  // Interrupts what runs and joins the worker.
  void OnEnvironmentEnd();

 private:
  void Open(const Napi::CallbackInfo& info);
  Napi::Value Submit(const Napi::CallbackInfo& info);
  void Publish(const Napi::CallbackInfo& info);
  Napi::Value Cancel(const Napi::CallbackInfo& info);
  Napi::Value Drain(const Napi::CallbackInfo& info);
  Napi::Value Expire(const Napi::CallbackInfo& info);
  void BeginClose(const Napi::CallbackInfo& info);
  void Interrupt(const Napi::CallbackInfo& info);
  void Join(const Napi::CallbackInfo& info);
  Napi::Value Stats(const Napi::CallbackInfo& info);
  Napi::Value TakenBack(const std::vector<JobId>& ids);

  Environment* environment_;
  std::shared_ptr<Queue> queue_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace aiosqlite

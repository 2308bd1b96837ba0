#include "node/worker_object.h"

#include <utility>

#include "node/queue_object.h"
#include "protocol.h"

namespace aiosqlite {

Napi::Function WorkerObject::Define(Napi::Env env) {
  return DefineClass(env, "Worker",
                     {
                         InstanceMethod<&WorkerObject::Open>("open"),
                         InstanceMethod<&WorkerObject::BeginClose>("beginClose"),
                         InstanceMethod<&WorkerObject::Interrupt>("interrupt"),
                         InstanceMethod<&WorkerObject::Join>("join"),
                         InstanceMethod<&WorkerObject::Stats>("stats"),
                     });
}

WorkerObject::WorkerObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<WorkerObject>(info), environment_(info.Env().GetInstanceData<Environment>()) {
  // Nullptr while another thread ends the environment: then this is never called again.
  if (const QueueObject* const queue = QueueObject::Unwrap(info[0].As<Napi::Object>())) {
    queue_ = queue->queue();
  }
  environment_->workers.insert(this);
}

WorkerObject::~WorkerObject() {
  worker_.reset();
  if (environment_ != nullptr) environment_->workers.erase(this);
}

void WorkerObject::OnEnvironmentEnd() {
  worker_.reset();
  environment_ = nullptr;  // it may be gone before the last of its objects
}

void WorkerObject::Open(const Napi::CallbackInfo& info) {
  const auto number = info[0].As<Napi::Number>().Uint32Value();
  JobPtr job = DecodeJob(environment_->scratch, info[1], info[2]);
  if (job == nullptr) return;  // the environment ends
  const LaneId lane = job->lane;
  environment_->completion.Expect();
  worker_ = std::make_unique<Worker>(number, queue_, environment_->completion, std::move(job), lane,
                                     &environment_->completion);
}

void WorkerObject::BeginClose(const Napi::CallbackInfo&) {
  if (worker_) worker_->BeginClose();
}

void WorkerObject::Interrupt(const Napi::CallbackInfo&) {
  if (worker_) worker_->Interrupt();
}

void WorkerObject::Join(const Napi::CallbackInfo&) { worker_.reset(); }

Napi::Value WorkerObject::Stats(const Napi::CallbackInfo& info) {
  const Worker::Stats stats = worker_ ? worker_->stats() : Worker::Stats{};
  const Napi::Array numbers = Napi::Array::New(info.Env());
  const auto set = [&](stat::Stat at, double number) { numbers.Set(static_cast<uint32_t>(at), number); };
  set(stat::kRunning, stats.running ? 1 : 0);
  set(stat::kCompleted, stats.completed);
  set(stat::kFailed, stats.failed);
  set(stat::kCacheSize, stats.cache_size);
  set(stat::kCacheHits, stats.cache_hits);
  set(stat::kCacheMisses, stats.cache_misses);
  set(stat::kInTransaction, stats.in_transaction ? 1 : 0);
  set(stat::kTotalChanges, static_cast<double>(stats.total_changes));
  return numbers;
}

}  // namespace aiosqlite

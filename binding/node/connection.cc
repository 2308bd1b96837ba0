#include "node/connection.h"

#include <chrono>
#include <utility>

#include "protocol.h"

namespace aiosqlite {

Napi::Function Connection::Define(Napi::Env env) {
  return DefineClass(env, "Connection",
                     {
                         InstanceMethod<&Connection::Open>("open"),
                         InstanceMethod<&Connection::Submit>("submit"),
                         InstanceMethod<&Connection::Publish>("publish"),
                         InstanceMethod<&Connection::Cancel>("cancel"),
                         InstanceMethod<&Connection::Drain>("drain"),
                         InstanceMethod<&Connection::Expire>("expire"),
                         InstanceMethod<&Connection::BeginClose>("beginClose"),
                         InstanceMethod<&Connection::Interrupt>("interrupt"),
                         InstanceMethod<&Connection::Join>("join"),
                         InstanceMethod<&Connection::Stats>("stats"),
                     });
}

Connection::Connection(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<Connection>(info), environment_(info.Env().GetInstanceData<Environment>()) {
  if (info[0].IsObject()) {
    // Nullptr while another thread ends the environment: then this is never called again.
    if (const Connection* const other = Unwrap(info[0].As<Napi::Object>())) queue_ = other->queue_;
  } else {
    Queue::Limits limits;
    limits.jobs = static_cast<size_t>(info[0].As<Napi::Number>().DoubleValue());
    limits.bytes = static_cast<size_t>(info[1].As<Napi::Number>().DoubleValue());
    queue_ = std::make_shared<Queue>(limits);
  }
  environment_->connections.insert(this);
}

Connection::~Connection() {
  worker_.reset();
  if (environment_ != nullptr) environment_->connections.erase(this);
}

void Connection::OnEnvironmentEnd() {
  worker_.reset();
  environment_ = nullptr;  // it may be gone before the last of its objects
}

void Connection::Open(const Napi::CallbackInfo& info) {
  const auto number = info[0].As<Napi::Number>().Uint32Value();
  JobPtr job = DecodeJob(environment_->scratch, info[1], info[2]);
  const LaneId lane = job->lane;
  environment_->completion.Expect();
  worker_ = std::make_unique<Worker>(number, queue_, environment_->completion, std::move(job), lane,
                                     &environment_->completion);
}

Napi::Value Connection::Submit(const Napi::CallbackInfo& info) {
  JobPtr job = DecodeJob(environment_->scratch, info[0], info[1]);
  const bool taken = job != nullptr && queue_->Stage(std::move(job));
  if (taken) environment_->completion.Expect();
  return Napi::Boolean::New(info.Env(), taken);
}

void Connection::Publish(const Napi::CallbackInfo& info) {
  // Waking a sleeping worker takes longer than the JavaScript thread waits in place.
  if (queue_->has_spinning_worker()) environment_->completion.BeginDirect();
  queue_->Publish();
  environment_->completion.EndDirect(info.Env());
}

Napi::Value Connection::Cancel(const Napi::CallbackInfo& info) {
  const bool queued =
      queue_->Cancel(info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Boolean>().Value());
  if (queued) environment_->completion.Unexpect(1);
  return Napi::Boolean::New(info.Env(), queued);
}

Napi::Value Connection::Drain(const Napi::CallbackInfo& info) {
  return TakenBack(queue_->Drain(info[0].As<Napi::Number>().Uint32Value()));
}

Napi::Value Connection::Expire(const Napi::CallbackInfo& info) {
  const auto age =
      std::chrono::microseconds(static_cast<int64_t>(info[0].As<Napi::Number>().DoubleValue() * 1000));
  return TakenBack(queue_->Expire(Clock::now() - age));
}

Napi::Value Connection::TakenBack(const std::vector<JobId>& ids) {
  environment_->completion.Unexpect(ids.size());
  const Napi::Array list = Napi::Array::New(Env(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i) list.Set(static_cast<uint32_t>(i), ids[i]);
  return list;
}

void Connection::BeginClose(const Napi::CallbackInfo&) {
  if (worker_) worker_->BeginClose();
}

void Connection::Interrupt(const Napi::CallbackInfo&) {
  if (worker_) worker_->Interrupt();
}

void Connection::Join(const Napi::CallbackInfo&) { worker_.reset(); }

Napi::Value Connection::Stats(const Napi::CallbackInfo& info) {
  const Worker::Stats stats = worker_ ? worker_->stats() : Worker::Stats{};
  const Napi::Array numbers = Napi::Array::New(info.Env());
  const auto set = [&](stat::Stat at, double number) { numbers.Set(static_cast<uint32_t>(at), number); };
  set(stat::kPending, static_cast<double>(queue_->pending()));
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

#include "node/queue_object.h"

#include <chrono>
#include <utility>

namespace aiosqlite {

Napi::Function QueueObject::Define(Napi::Env env) {
  return DefineClass(env, "Queue",
                     {
                         InstanceMethod<&QueueObject::Submit>("submit"),
                         InstanceMethod<&QueueObject::Publish>("publish"),
                         InstanceMethod<&QueueObject::Cancel>("cancel"),
                         InstanceMethod<&QueueObject::Drain>("drain"),
                         InstanceMethod<&QueueObject::Expire>("expire"),
                         InstanceMethod<&QueueObject::Pending>("pending"),
                     });
}

QueueObject::QueueObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<QueueObject>(info), environment_(info.Env().GetInstanceData<Environment>()) {
  Queue::Limits limits;
  limits.jobs = static_cast<size_t>(info[0].As<Napi::Number>().DoubleValue());
  limits.bytes = static_cast<size_t>(info[1].As<Napi::Number>().DoubleValue());
  queue_ = std::make_shared<Queue>(limits);
}

Napi::Value QueueObject::Submit(const Napi::CallbackInfo& info) {
  JobPtr job = DecodeJob(environment_->scratch, info[0], info[1]);
  const bool taken = job != nullptr && queue_->Stage(std::move(job));
  if (taken) environment_->completion.Expect();
  return Napi::Boolean::New(info.Env(), taken);
}

void QueueObject::Publish(const Napi::CallbackInfo& info) {
  // Waking a sleeping worker takes longer than the JavaScript thread waits in place.
  if (queue_->has_spinning_worker()) environment_->completion.BeginDirect();
  queue_->Publish();
  environment_->completion.EndDirect(info.Env());
}

Napi::Value QueueObject::Cancel(const Napi::CallbackInfo& info) {
  const bool queued =
      queue_->Cancel(info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Boolean>().Value());
  if (queued) environment_->completion.Unexpect(1);
  return Napi::Boolean::New(info.Env(), queued);
}

Napi::Value QueueObject::Drain(const Napi::CallbackInfo& info) {
  return TakenBack(queue_->Drain(info[0].As<Napi::Number>().Uint32Value()));
}

Napi::Value QueueObject::Expire(const Napi::CallbackInfo& info) {
  const auto age =
      std::chrono::microseconds(static_cast<int64_t>(info[0].As<Napi::Number>().DoubleValue() * 1000));
  return TakenBack(queue_->Expire(Clock::now() - age));
}

Napi::Value QueueObject::Pending(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(queue_->pending()));
}

Napi::Value QueueObject::TakenBack(const std::vector<JobId>& ids) {
  environment_->completion.Unexpect(ids.size());
  const Napi::Array list = Napi::Array::New(Env(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i) list.Set(static_cast<uint32_t>(i), ids[i]);
  return list;
}

}  // namespace aiosqlite

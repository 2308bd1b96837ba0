#include "node/completion.h"

#include <iterator>
#include <utility>

#include "node/convert.h"

namespace aiosqlite {

Completion::Completion(Napi::Env env) : env_(env) {
  // An unlimited queue, but never more than one call in it: see Post.
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "aiosqlite"), 0, 1,
                                      nullptr, nullptr, this, &Completion::OnWake, &wake_);
  NAPI_THROW_IF_FAILED_VOID(env, status);
  napi_unref_threadsafe_function(env, wake_);
}

void Completion::SetDispatcher(Napi::Function dispatcher) { dispatcher_ = Napi::Persistent(dispatcher); }

void Completion::Expect() {
  if (in_flight_++ == 0) napi_ref_threadsafe_function(env_, wake_);
}

void Completion::Unexpect(size_t jobs) {
  if (jobs == 0) return;
  in_flight_ -= jobs;
  if (in_flight_ == 0) napi_unref_threadsafe_function(env_, wake_);
}

void Completion::Post(std::vector<Outcome>&& outcomes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool was_empty = finished_.empty();
  finished_.insert(finished_.end(), std::make_move_iterator(outcomes.begin()),
                   std::make_move_iterator(outcomes.end()));
  // Under the lock, so that Shutdown can't release the function in between.
  if (was_empty && !shut_down_) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

void Completion::Shutdown() {
  const std::lock_guard<std::mutex> lock(mutex_);
  shut_down_ = true;
  napi_release_threadsafe_function(wake_, napi_tsfn_abort);
}

void Completion::OnWake(napi_env env, napi_value, void* self, void*) {
  if (env == nullptr) return;  // the environment is going down
  static_cast<Completion*>(self)->Deliver(Napi::Env(env));
}

void Completion::Deliver(Napi::Env env) {
  std::vector<Outcome> outcomes;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (shut_down_) return;
    outcomes.swap(finished_);
  }
  Unexpect(outcomes.size());
  const Napi::HandleScope scope(env);
  size_t next = 0;
  while (next < outcomes.size()) {
    const Delivery delivery = EncodeDelivery(env, outcomes, next);
    dispatcher_.Call({delivery.header, delivery.chunks, delivery.buffers});
    // The dispatcher settles promises and never throws; if it ever does, the process should hear of it.
    if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }
}

}  // namespace aiosqlite

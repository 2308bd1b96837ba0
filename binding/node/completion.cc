#include "node/completion.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "node/delivery.h"
#include "node/function_values.h"

namespace aiosqlite {
namespace {

constexpr auto kLongestTurn = std::chrono::milliseconds(1);
// Outcomes delivered at a time. Then the calls that the answered callers have made are published, so that the
// worker begins on them while the rest is delivered. More at a time is no cheaper.
constexpr size_t kAtOnce = 16;

}  // namespace

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
  owner_.Check();
  if (in_flight_++ == 0) napi_ref_threadsafe_function(env_, wake_);
}

void Completion::Unexpect(size_t jobs) {
  owner_.Check();
  if (jobs == 0) return;
  in_flight_ -= jobs;
  if (in_flight_ == 0) napi_unref_threadsafe_function(env_, wake_);
}

void Completion::SetFunctionCaller(Napi::Function caller) { caller_ = Napi::Persistent(caller); }

// Under the lock, so that Shutdown can't release the function in between.
void Completion::Wake() {
  if (awake_ || direct_ || shut_down_) return;
  awake_ = true;
  napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

void Completion::Post(std::vector<Outcome>&& outcomes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  finished_.insert(finished_.end(), std::make_move_iterator(outcomes.begin()),
                   std::make_move_iterator(outcomes.end()));
  finished_count_.store(finished_.size(), std::memory_order_release);
  Wake();
}

void Completion::BeginDirect() {
  if (in_flight_ != 1 || !direct_wait_.IsDue()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  direct_ = !awake_;
}

void Completion::EndDirect(Napi::Env env) {
  if (!direct_) return;
  spin::DirectWait::Until(finished_count_);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    direct_ = false;
    direct_wait_.Ended(finished_.empty());
    if (finished_.empty()) {
      if (!calls_.empty()) Wake();
      return;
    }
  }
  Deliver(env);
}

bool Completion::Call(HostCall& call) {
  PendingCall pending{call};
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (shut_down_) return false;
    calls_.push_back(&pending);
    call_count_.fetch_add(1, std::memory_order_release);
    Wake();
  }
  // The answer is some microseconds away: less than it takes to fall asleep and wake.
  spin::YieldUntil([&] { return pending.answered.load(std::memory_order_acquire); }, spin::kAnswerWait);
  std::unique_lock<std::mutex> lock(mutex_);
  answered_.wait(lock, [&] { return pending.answered.load(std::memory_order_acquire); });
  return pending.made;
}

void Completion::Shutdown() {
  const std::lock_guard<std::mutex> lock(mutex_);
  shut_down_ = true;
  for (PendingCall* pending : calls_) pending->answered.store(true, std::memory_order_release);
  calls_.clear();
  answered_.notify_all();
  napi_release_threadsafe_function(wake_, napi_tsfn_abort);
}

void Completion::OnWake(napi_env env, napi_value, void* self, void*) {
  if (env == nullptr) return;  // the environment is going down
  auto& completion = *static_cast<Completion*>(self);
  completion.direct_wait_.Turned();
  completion.Deliver(Napi::Env(env));
}

bool Completion::MakeCalls(Napi::Env env) {
  std::vector<PendingCall*> calls;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (shut_down_) return false;
    calls.swap(calls_);
    call_count_.store(0, std::memory_order_relaxed);
  }
  for (PendingCall* pending : calls) {
    MakeCall(env, pending->call);
    const std::lock_guard<std::mutex> lock(mutex_);
    pending->made = true;
    pending->answered.store(true, std::memory_order_release);  // from here on it is gone
    answered_.notify_all();
  }
  return !calls.empty();
}

void Completion::MakeCall(Napi::Env env, HostCall& call) {
  const Napi::HandleScope scope(env);
  const Napi::Value result = caller_.Call({Napi::Number::New(env, call.function),
                                           Napi::Number::New(env, static_cast<int>(call.operation)),
                                           Napi::Number::New(env, call.instance), ArgumentsOf(env, call)});
  call.exception = exception_id::kUnknown;
  if (env.IsExceptionPending()) {  // the caller catches everything: this is the end of the environment
    env.GetAndClearPendingException();
  } else if (!result.IsEmpty()) {  // worker.terminate() leaves no exception either
    call.exception = ReadResult(result, call.result);
  }
}

void Completion::Deliver(Napi::Env env) {
  owner_.Check();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (shut_down_) return;
    if (delivered_ == outcomes_.size()) {
      outcomes_.clear();
      delivered_ = 0;
      outcomes_.swap(finished_);
      finished_count_.store(0, std::memory_order_relaxed);
    }
    // The rest comes in a turn of its own, right after this one.
    awake_ = outcomes_.size() - delivered_ > kAtOnce || !finished_.empty();
    if (awake_) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
  }
  // A query that calls a function mostly calls it again at once: waiting for that is cheaper than the event
  // loop's way, but the loop gets its turn all the same.
  const auto turn = Clock::now() + kLongestTurn;
  while (MakeCalls(env) && Clock::now() < turn) {
    spin::YieldUntil([&] { return call_count_.load(std::memory_order_acquire) != 0; }, spin::kNextCallWait);
  }
  const size_t end = std::min(outcomes_.size(), delivered_ + kAtOnce);
  Unexpect(end - delivered_);
  const Napi::HandleScope scope(env);
  while (delivered_ < end) {
    const Delivery delivery = EncodeDelivery(env, outcomes_, delivered_, end);
    dispatcher_.Call({delivery.header, delivery.chunks, delivery.buffers});
    // The dispatcher settles promises and never throws; if it ever does, the process should hear of it.
    if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }
}

}  // namespace aiosqlite

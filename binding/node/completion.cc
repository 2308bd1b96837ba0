#include "node/completion.h"

#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "node/convert.h"

namespace aiosqlite {
namespace {

constexpr auto kAnswerSpin = std::chrono::microseconds(50);
constexpr auto kNextCallSpin = std::chrono::microseconds(20);
constexpr auto kLongestTurn = std::chrono::milliseconds(1);
constexpr uint32_t kUnknownException = 0xFFFFFFFF;

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
  if (in_flight_++ == 0) napi_ref_threadsafe_function(env_, wake_);
}

void Completion::Unexpect(size_t jobs) {
  if (jobs == 0) return;
  in_flight_ -= jobs;
  if (in_flight_ == 0) napi_unref_threadsafe_function(env_, wake_);
}

void Completion::SetFunctionCaller(Napi::Function caller) { caller_ = Napi::Persistent(caller); }

// Under the lock, so that Shutdown can't release the function in between.
void Completion::Wake() {
  if (awake_ || shut_down_) return;
  awake_ = true;
  napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

void Completion::Post(std::vector<Outcome>&& outcomes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  finished_.insert(finished_.end(), std::make_move_iterator(outcomes.begin()),
                   std::make_move_iterator(outcomes.end()));
  Wake();
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
  const auto until = Clock::now() + kAnswerSpin;
  while (!pending.answered.load(std::memory_order_acquire) && Clock::now() < until) std::this_thread::yield();
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
  static_cast<Completion*>(self)->Deliver(Napi::Env(env));
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
  call.exception = kUnknownException;
  if (env.IsExceptionPending()) {  // the caller catches everything: this is the end of the environment
    env.GetAndClearPendingException();
  } else if (!result.IsEmpty()) {  // worker.terminate() leaves no exception either
    call.exception = ReadResult(result, call.result);
  }
}

void Completion::Deliver(Napi::Env env) {
  std::vector<Outcome> outcomes;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    awake_ = false;
    if (shut_down_) return;
    outcomes.swap(finished_);
  }
  // A query that calls a function mostly calls it again at once: waiting for that is cheaper than the event
  // loop's way, but the loop gets its turn all the same.
  const auto turn = Clock::now() + kLongestTurn;
  while (MakeCalls(env) && Clock::now() < turn) {
    const auto until = Clock::now() + kNextCallSpin;
    while (call_count_.load(std::memory_order_acquire) == 0 && Clock::now() < until)
      std::this_thread::yield();
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

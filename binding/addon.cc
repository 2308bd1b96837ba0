// JavaScript thread. Module initialization, per-environment data, and their end.
#include <napi.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "engine/features/recorder.h"
#include "engine/sqlite/library.h"
#include "node/copies.h"
#include "node/environment.h"
#include "node/queue_object.h"
#include "node/worker_object.h"

namespace aiosqlite {
namespace {

// Worker threads run this module's code: it must never be unmapped, whatever the environment that loaded it
// does.
void PinModule() {
  static const int anchor = 0;
#if defined(_WIN32)
  HMODULE module = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                     reinterpret_cast<LPCWSTR>(&anchor), &module);
#else
  Dl_info info{};
  if (dladdr(&anchor, &info) != 0) dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

// Process exit, worker.terminate(): interrupt what runs and join the threads. Runs before Completion's
// thread-safe function goes, as hooks run in reverse order
// (nodejs.org/api/n-api.html#napi_add_env_cleanup_hook). Workers don't wait for their finalizers: Node
// promises no order of those, and Deno was seen to run none.
void OnEnvironmentEnd(Environment* environment) {
  environment->completion.Shutdown();
  for (WorkerObject* worker : environment->workers) worker->OnEnvironmentEnd();
}

// scratch(buffer, slots): where calls leave their numbers: `slots` doubles, then as many tags.
void SetScratch(const Napi::CallbackInfo& info) {
  auto& environment = *info.Env().GetInstanceData<Environment>();
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  const size_t slots = info[1].As<Napi::Number>().Uint32Value();
  environment.scratch_buffer = Napi::Persistent(buffer.As<Napi::Object>());
  environment.scratch.slots = static_cast<const double*>(buffer.Data());
  environment.scratch.tags = static_cast<const uint8_t*>(buffer.Data()) + slots * sizeof(double);
}

// shareText(number, text): later calls may name the text by its number.
void ShareText(const Napi::CallbackInfo& info) {
  auto& shared = info.Env().GetInstanceData<Environment>()->scratch.shared;
  const size_t number = info[0].As<Napi::Number>().Uint32Value();
  if (number >= shared.size()) shared.resize(number + 1);
  shared[number] = std::make_shared<const std::string>(info[1].As<Napi::String>().Utf8Value());
}

void SetDispatcher(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<Environment>()->completion.SetDispatcher(info[0].As<Napi::Function>());
}

void SetFunctionCaller(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<Environment>()->completion.SetFunctionCaller(info[0].As<Napi::Function>());
}

// callOutside(fn): calls fn in no asynchronous context, whatever the caller's is: without an async_context,
// napi_make_callback enters an empty one (nodejs.org/api/n-api.html#napi_make_callback).
Napi::Value CallOutside(const Napi::CallbackInfo& info) {
  return info[0].As<Napi::Function>().MakeCallback(Napi::Object::New(info.Env()), std::vector<napi_value>{});
}

// On a thread of Node's pool: it needs no connection.
class Inversion final : public Napi::AsyncWorker {
 public:
  Inversion(Napi::Env env, std::string changeset)
      : Napi::AsyncWorker(env, "aiosqlite"),
        promise_(Napi::Promise::Deferred::New(env)),
        changeset_(std::move(changeset)) {}

  Napi::Promise promise() const { return promise_.Promise(); }
  void Execute() override { valid_ = InvertChangeset(changeset_, inverted_); }
  void OnOK() override {
    if (!valid_) return promise_.Resolve(Env().Null());
    promise_.Resolve(Napi::Buffer<char>::Copy(Env(), inverted_.data(), inverted_.size()));
  }

 private:
  const Napi::Promise::Deferred promise_;
  const std::string changeset_;
  std::string inverted_;
  bool valid_ = false;
};

// invertChangeset(bytes): a promise of a Buffer, or of null for what is no changeset.
Napi::Value Invert(const Napi::CallbackInfo& info) {
  const auto bytes = info[0].As<Napi::Uint8Array>();
  auto* inversion =
      new Inversion(info.Env(), std::string(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()));
  inversion->Queue();  // it deletes itself
  return inversion->promise();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("packageVersion", PackageVersion());
  if (const std::string path = EarlierCopy(); !path.empty()) {
    exports.Set("earlierCopy", path);
    return exports;
  }
  const std::string problem = CheckLibrary();
  if (!problem.empty()) {
    Napi::Error::New(env, "aiosqlite: " + problem).ThrowAsJavaScriptException();
    return exports;
  }
  PinModule();
  auto* environment = new Environment(env);  // owned by the environment from the next line on
  env.SetInstanceData(environment);
  env.AddCleanupHook(&OnEnvironmentEnd, environment);

  exports.Set("Queue", QueueObject::Define(env));
  exports.Set("Worker", WorkerObject::Define(env));
  exports.Set("setScratch", Napi::Function::New<SetScratch>(env, "setScratch"));
  exports.Set("shareText", Napi::Function::New<ShareText>(env, "shareText"));
  exports.Set("setDispatcher", Napi::Function::New<SetDispatcher>(env, "setDispatcher"));
  exports.Set("setFunctionCaller", Napi::Function::New<SetFunctionCaller>(env, "setFunctionCaller"));
  exports.Set("callOutside", Napi::Function::New<CallOutside>(env, "callOutside"));
  exports.Set("invertChangeset", Napi::Function::New<Invert>(env, "invertChangeset"));
  exports.Set("sqliteVersion", SqliteVersion());
  exports.Set("sqliteSourceId", SqliteSourceId());
  Napi::Array options = Napi::Array::New(env);
  for (const std::string& option : SqliteCompileOptions()) options.Set(options.Length(), option);
  exports.Set("compileOptions", options);
  return exports;
}

}  // namespace
}  // namespace aiosqlite

static Napi::Object InitModule(Napi::Env env, Napi::Object exports) { return aiosqlite::Init(env, exports); }

NODE_API_MODULE(NODE_GYP_MODULE_NAME, InitModule)

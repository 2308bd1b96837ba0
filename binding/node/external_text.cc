#include "node/external_text.h"

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace aiosqlite {
namespace {

// Node-API has these from version 10 on, and as an experiment in the releases before. This addon is compiled
// for an earlier version, so they are looked up. Windows: always null, and texts are copied.
template <class Char>
using CreateExternal = napi_status(NAPI_CDECL*)(napi_env env, Char* text, size_t length, napi_finalize free,
                                                void* hint, napi_value* result, bool* copied);

template <class Char>
CreateExternal<Char> LookUp([[maybe_unused]] const char* name) {
#if defined(_WIN32)
  return nullptr;
#else
  return reinterpret_cast<CreateExternal<Char>>(dlsym(RTLD_DEFAULT, name));
#endif
}

// V8 marks its whole heap once the memory reported to it has grown by some megabytes. So the first ones are
// not reported: loading a text of 1.4 MB took half of the time then. Without the rest the garbage collector
// would let gigabytes grow behind strings of a few bytes.
constexpr int64_t kUnreported = int64_t{64} << 20;

// Of the environment that runs on this thread: bytes of its strings, and how many of them are reported.
thread_local int64_t held = 0;
thread_local int64_t reported = 0;

// Adds bytes, or takes them away if they are negative. `env`: null once the environment has ended.
void CountMemory(napi_env env, int64_t bytes) {
  held += bytes;
  const int64_t change = std::max<int64_t>(held - kUnreported, 0) - reported;
  if (change == 0) return;
  reported += change;
  int64_t total = 0;
  if (env != nullptr) napi_adjust_external_memory(env, change, &total);
}

template <class Text>
int64_t BytesOf(const Text& text) {
  return static_cast<int64_t>(text.size() * sizeof(typename Text::value_type));
}

// Inside the garbage collector. Without an environment, once that has ended.
template <class Text>
void Free(napi_env env, void*, void* text) {
  const std::unique_ptr<Text> owned(static_cast<Text*>(text));
  CountMemory(env, -BytesOf(*owned));
}

template <class Text>
bool MakeExternal(Napi::Env env, CreateExternal<typename Text::value_type> create, Text& text,
                  napi_value* value) {
  if (create == nullptr) return false;
  auto owned = std::make_unique<Text>(std::move(text));
  // Before it can be freed: a runtime that copies the text frees it at once, and V8 counts in no negative
  // numbers.
  const int64_t bytes = BytesOf(*owned);
  CountMemory(env, bytes);
  bool copied = false;
  if (create(env, owned->data(), owned->size(), &Free<Text>, owned.get(), value, &copied) == napi_ok) {
    owned.release();
    return true;
  }
  CountMemory(env, -bytes);
  text = std::move(*owned);
  return false;
}

}  // namespace

Napi::Value MakeExternalText(Napi::Env env, std::string text) {
  static const auto create = LookUp<char>("node_api_create_external_string_latin1");
  napi_value value = nullptr;
  if (!MakeExternal(env, create, text, &value))
    napi_create_string_latin1(env, text.data(), text.size(), &value);
  return {env, value};
}

Napi::Value MakeExternalText(Napi::Env env, std::u16string text) {
  static const auto create = LookUp<char16_t>("node_api_create_external_string_utf16");
  napi_value value = nullptr;
  if (!MakeExternal(env, create, text, &value))
    napi_create_string_utf16(env, text.data(), text.size(), &value);
  return {env, value};
}

}  // namespace aiosqlite

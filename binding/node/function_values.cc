#include "node/function_values.h"

#include <algorithm>
#include <cmath>

#include "engine/rows/json_text.h"

namespace aiosqlite {
namespace {

Napi::Value ToJs(Napi::Env env, const Value& value, bool bigints) {
  switch (value.tag) {
    case Tag::kNull:
      return env.Null();
    case Tag::kReal:
      return Napi::Number::New(env, value.real);
    case Tag::kInteger:
    case Tag::kInt64:
      if (bigints || !json::IsSafeInteger(value.integer)) return Napi::BigInt::New(env, value.integer);
      return Napi::Number::New(env, static_cast<double>(value.integer));
    case Tag::kText:
    case Tag::kShared: {
      napi_value text = nullptr;
      napi_create_string_utf8(env, value.bytes.data(), value.bytes.size(), &text);
      return {env, text};
    }
    default: {
      void* data = nullptr;
      napi_value buffer = nullptr;
      napi_value view = nullptr;
      // There are none from the moment on at which another thread ends the environment: no function is
      // called.
      if (napi_create_arraybuffer(env, value.bytes.size(), &data, &buffer) != napi_ok) return env.Undefined();
      std::copy(value.bytes.begin(), value.bytes.end(), static_cast<char*>(data));
      if (napi_create_typedarray(env, napi_uint8_array, value.bytes.size(), buffer, 0, &view) != napi_ok)
        return env.Undefined();
      return {env, view};
    }
  }
}

}  // namespace

Napi::Value ArgumentsOf(Napi::Env env, const HostCall& call) {
  const Napi::Array list = Napi::Array::New(env, call.arguments.size());
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    list.Set(static_cast<uint32_t>(i), ToJs(env, call.arguments[i], call.bigints));
  }
  return list;
}

uint32_t ReadResult(Napi::Value value, Entries& result) {
  if (value.IsArray()) {
    napi_value number = nullptr;
    uint32_t exception = 0;
    const napi_env env = value.Env();
    const bool told = napi_get_element(env, value, 0, &number) == napi_ok &&
                      napi_get_value_uint32(env, number, &exception) == napi_ok;
    return told ? exception : exception_id::kUnknown;
  }
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    const bool whole = std::trunc(number) == number && std::fabs(number) <= 9007199254740991.0 &&
                       !(number == 0 && std::signbit(number));
    result.Add(whole ? Tag::kInteger : Tag::kReal, number);
  } else if (value.IsString()) {
    result.AddText(value.As<Napi::String>().Utf8Value());
  } else if (value.IsBoolean()) {
    result.AddNumber(value.As<Napi::Boolean>().Value() ? 1 : 0);
  } else if (value.IsBigInt()) {
    bool lossless = false;
    result.AddInt64(value.As<Napi::BigInt>().Int64Value(&lossless));
  } else if (value.IsTypedArray()) {
    const auto bytes = value.As<Napi::Uint8Array>();
    result.AddBlob({reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()});
  } else {
    result.AddNull();
  }
  return exception_id::kNone;
}

}  // namespace aiosqlite

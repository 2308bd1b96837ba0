// JavaScript thread. Long texts as JavaScript strings without a copy.
#pragma once

#include <napi.h>

#include <string>

namespace aiosqlite {

// A string over the memory of `text`, which lives until the string is collected; a copy where the runtime has
// no such strings. `text` is ASCII, or UTF-16.
Napi::Value MakeExternalText(Napi::Env env, std::string text);
Napi::Value MakeExternalText(Napi::Env env, std::u16string text);

}  // namespace aiosqlite

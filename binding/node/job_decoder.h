// JavaScript thread. How a call crosses Node-API: what JavaScript has left in memory becomes a job.
#pragma once

#include <napi.h>

#include <vector>

#include "engine/job.h"

namespace aiosqlite {

// Memory where JavaScript leaves a call's numbers and tags, so that they cross in one memcpy each and not
// value by value. Layout: header::Header.
struct Scratch {
  const double* slots = nullptr;
  const uint8_t* tags = nullptr;
  std::vector<SharedText> shared;  // by the number that src/wire/shared-texts.ts gave them
};

// Makes a job of the scratch area, the texts in one string, and the blobs.
// Nullptr if one of these can't be read: the environment ends, or the stack.
JobPtr DecodeJob(const Scratch& scratch, Napi::Value text, Napi::Value blobs);

}  // namespace aiosqlite

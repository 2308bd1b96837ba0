// JavaScript thread. How outcomes cross Node-API.
#pragma once

#include <napi.h>

#include <vector>

#include "engine/job.h"

namespace aiosqlite {

struct Delivery {
  Napi::Value header;   // JSON: see EncodeDelivery
  Napi::Value chunks;   // array of strings, or undefined
  Napi::Value buffers;  // array of ArrayBuffers, or undefined
};

// As many outcomes from `next` on as make a string of good size, as one JSON array of
//   [id, failure or 0, WAL pages, bits, worker, info if there is any, result …, {changes} if a watched commit
//   is told]
// with bits = 1 commit, 4 altered, 8 done, 16 × group size; and a result, shared with src/wire/rows.ts,
// as
//   [changes, rowid (a string if it is not safe), columns or 0, first, first has bytes, layout …]
// where `first` is the JSON of JsonRows, 0 for no rows, or 1 if it is the next of `chunks`; its bytes are the
// next of `buffers`; and `layout` is, per PackedRows, its rows, its count of numbers, and which of `chunks`
// it takes: 1 texts, 2 wides, 4 shorts, in this order. Each takes one of `buffers`: numbers, tags, bytes.
// Measured: one JSON.parse for many outcomes is cheaper than making their objects one by one.
Delivery EncodeDelivery(Napi::Env env, std::vector<Outcome>& outcomes, size_t& next, size_t end);

}  // namespace aiosqlite

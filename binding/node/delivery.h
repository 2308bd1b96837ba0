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

// Encodes outcomes from `next` on, as many as make a string of good size, as one JSON array: one JSON.parse
// for all of them is cheaper than making their objects one by one. src/wire/outcome/ decodes it. Values
// are in this order:
//
// clang-format off
//   outcome  [id, failure | 0, flags, group size, WAL pages, worker, info | 0, changes, trace | 0, result …]
//   changes  the JSON of ChangeLog, or the number of `chunks` that it comes in
//   trace    [microseconds in the queue, of its statements, rows, bytes of rows]
//   result   [changes, rowid, columns | 0, rows, attached, packed …]
//   rowid    a string if it is no safe integer
//   rows     the JSON of JsonRows; 0 for no rows; 1 if it comes in `chunks`
//   attached to the rows: twice the number of long texts, which come in `chunks`, and 1 more if bytes come in `buffers`
//   packed   of each PackedRows: rows, numbers, bits of ChunkText; its texts come in `chunks` in the order of these bits,
//            and all else in one of `buffers`: numbers, tags, bytes
// clang-format on
Delivery EncodeDelivery(Napi::Env env, std::vector<Outcome>& outcomes, size_t& next, size_t end);

}  // namespace aiosqlite

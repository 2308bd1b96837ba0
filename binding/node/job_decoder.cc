#include "node/job_decoder.h"

#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/rows/utf16.h"
#include "protocol.h"

namespace aiosqlite {
namespace {

// UTF-16 units. The buffer that texts are read into grows, for as long as its thread lives, until it has room
// for so many: 1.4 MB.
constexpr size_t kKeptUnits = 700'000;

// Copies a string to a place with room for `most` units and one more. Returns its units.
size_t CopyUnits(Napi::Value text, char16_t* to, size_t most) {
  size_t units = 0;
  napi_get_value_string_utf16(text.Env(), text, to, most + 1, &units);
  return units;
}

// Reads the texts, which JavaScript has joined to one string or several, as UTF-8. Their lengths among the
// entries become those in bytes, unless all is ASCII. V8 gives UTF-16, which it copies at once, instead of
// UTF-8, which it makes one character after the other. Returns false where the texts can't be read.
bool ReadTexts(Napi::Value joined, size_t units, Entries& entries) {
  if (units == 0) return true;
  thread_local std::vector<char16_t> kept;
  std::vector<char16_t> own;
  std::vector<char16_t>& wide = units <= kKeptUnits ? kept : own;
  if (wide.size() < units + 1) wide.resize(units + 1);
  size_t copied = 0;
  if (joined.IsArray()) {
    const auto parts = joined.As<Napi::Array>();
    for (uint32_t i = 0; i < parts.Length(); ++i) {
      napi_value part = nullptr;
      if (napi_get_element(joined.Env(), parts, i, &part) != napi_ok) return false;
      copied += CopyUnits({joined.Env(), part}, wide.data() + copied, units - copied);
    }
  } else {
    copied = CopyUnits(joined, wide.data(), units);
  }
  if (copied != units) return false;
  std::u16string_view left(wide.data(), units);
  if (ToAscii(left, entries.text)) return true;
  entries.text.resize(MostUtf8(left));
  char* const begin = entries.text.data();
  char* at = begin;
  // Each for itself: a surrogate at the end of one is no pair with one at the beginning of the next.
  for (size_t i = 0; i < entries.tags.size(); ++i) {
    if (static_cast<Tag>(entries.tags[i]) != Tag::kText) continue;
    const auto length = static_cast<size_t>(entries.NumberAt(i));
    char* const end = WriteUtf8(left.substr(0, length), at);
    entries.SetNumber(i, static_cast<double>(end - at));
    left.remove_prefix(length);
    at = end;
  }
  entries.text.resize(static_cast<size_t>(at - begin));
  return true;
}

// The job keeps the texts that it shares: the numbers may stand for others by the time it runs.
void TakeShared(const Scratch& scratch, Entries& entries) {
  constexpr int kTag = static_cast<int>(Tag::kShared);
  const uint8_t* const begin = entries.tags.data();
  const uint8_t* const end = begin + entries.tags.size();
  for (const uint8_t* at = begin; at < end; ++at) {
    at = static_cast<const uint8_t*>(std::memchr(at, kTag, static_cast<size_t>(end - at)));
    if (at == nullptr) return;
    const auto number = static_cast<size_t>(scratch.slots[header::kFirstEntry + (at - begin)]);
    entries.SetNumber(static_cast<size_t>(at - begin), static_cast<double>(entries.shared.size()));
    entries.shared.push_back(scratch.shared[number]);
  }
}

}  // namespace

JobPtr DecodeJob(const Scratch& scratch, Napi::Value text, Napi::Value blobs) {
  const auto number = [&](header::Header slot) { return scratch.slots[slot]; };
  auto job = std::make_unique<Job>();
  job->id = static_cast<JobId>(number(header::kId));
  job->request = static_cast<Request>(static_cast<int>(number(header::kRequest)));
  job->lane = static_cast<LaneId>(number(header::kLane));
  job->policy = static_cast<uint8_t>(number(header::kPolicy));
  job->cancellable = number(header::kCancellable) != 0;
  // Beyond 30 years it is none: the clock would overflow.
  if (const double timeout_ms = number(header::kTimeoutMs); timeout_ms > 0 && timeout_ms < 1e12) {
    job->deadline = Clock::now() + std::chrono::microseconds(static_cast<int64_t>(timeout_ms * 1000));
  }
  const auto count = static_cast<size_t>(number(header::kEntries));
  const auto units = static_cast<size_t>(number(header::kTextLength));
  Entries& entries = job->entries;
  entries.tags.assign(scratch.tags + header::kFirstEntry, scratch.tags + header::kFirstEntry + count);
  const auto* const slots = reinterpret_cast<const uint64_t*>(scratch.slots) + header::kFirstEntry;
  entries.slots.assign(slots, slots + count);
  TakeShared(scratch, entries);
  if (!ReadTexts(text, units, entries)) return nullptr;
  if (blobs.IsArray()) {
    const auto list = blobs.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); ++i) {
      napi_value element = nullptr;
      if (napi_get_element(text.Env(), list, i, &element) != napi_ok) return nullptr;
      const Napi::Uint8Array bytes(text.Env(), element);
      entries.blobs.emplace_back(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
    }
  }
  job->byte_size = entries.ByteSize();
  return job;
}

}  // namespace aiosqlite

#include "node/job_decoder.h"

#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "protocol.h"

namespace aiosqlite {
namespace {

// UTF-16 units. The buffer that texts are converted in has room for so many of three bytes each ...
constexpr size_t kSmallText = 8192;
// ... and grows, for as long as its thread lives, until it has for so many: 2 MB.
constexpr size_t kMediumText = 700'000;

void ReadText(Napi::Value value, size_t units, std::string& out) {
  const napi_env env = value.Env();
  size_t bytes = 0;
  if (units <= kMediumText) {
    // With room for the worst case it is one pass: asking for the length first costs as much as converting.
    thread_local std::vector<char> buffer(kSmallText * 3 + 1);
    if (buffer.size() < units * 3 + 1) buffer.resize(units * 3 + 1);
    napi_get_value_string_utf8(env, value, buffer.data(), buffer.size(), &bytes);
    out.assign(buffer.data(), bytes);
    return;
  }
  napi_get_value_string_utf8(env, value, nullptr, 0, &bytes);
  out.resize(bytes);
  // One byte more than its size belongs to the string: its terminator, which is written anew.
  napi_get_value_string_utf8(env, value, out.data(), bytes + 1, &bytes);
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
    const auto index = static_cast<double>(entries.shared.size());
    std::memcpy(&entries.slots[static_cast<size_t>(at - begin)], &index, sizeof index);
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
  entries.slots.resize(count);
  if (count > 0)
    std::memcpy(entries.slots.data(), scratch.slots + header::kFirstEntry, count * sizeof(uint64_t));
  TakeShared(scratch, entries);
  ReadText(text, units, entries.text);
  entries.utf16_lengths = entries.text.size() != units;
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

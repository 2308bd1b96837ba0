#include "node/convert.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/json_text.h"
#include "engine/number_text.h"

namespace aiosqlite {
namespace {

enum Slot { kId, kRequest, kLane, kPolicy, kTimeoutMs, kCancellable, kEntries, kTextLength, kFirstEntry };

// UTF-16 units. The buffer that texts are converted in has room for so many of three bytes each ...
constexpr size_t kSmallText = 8192;
// ... and grows, for as long as its thread lives, until it has for so many: 2 MB.
constexpr size_t kMediumText = 700'000;
constexpr size_t kHeaderBytes = size_t{24} << 10;
constexpr size_t kInlineBytes = 4096;

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

Napi::Value MakeString(Napi::Env env, const std::string& text, bool ascii) {
  napi_value value = nullptr;
  if (ascii) {
    napi_create_string_latin1(env, text.data(), text.size(), &value);
  } else {
    napi_create_string_utf8(env, text.data(), text.size(), &value);
  }
  return {env, value};
}

void AppendField(std::string& out, const char* name, const std::string& value) {
  out.append(",\"").append(name).append("\":");
  json::AppendString(out, value);
}

void AppendFailure(std::string& out, const Failure& failure) {
  out.append("{\"code\":");
  json::AppendString(out, failure.code);
  AppendField(out, "message", failure.message);
  out.append(",\"errcode\":");
  AppendInteger(out, failure.errcode);
  if (failure.offset >= 0) out.append(",\"offset\":").append(std::to_string(failure.offset));
  if (failure.index >= 0) out.append(",\"index\":").append(std::to_string(failure.index));
  if (!failure.sql.empty()) AppendField(out, "sql", failure.sql);
  if (!failure.column.empty()) AppendField(out, "column", failure.column);
  if (failure.exception != 0) out.append(",\"exception\":").append(std::to_string(failure.exception));
  out.push_back('}');
}

// Collects what does not go into the header.
class Attachments {
 public:
  explicit Attachments(Napi::Env env) : env_(env) {}

  void AddText(const std::string& text, bool ascii) {
    if (chunks_.IsEmpty()) chunks_ = Napi::Array::New(env_);
    chunks_.Set(chunk_count_++, MakeString(env_, text, ascii));
  }
  void AddWide(const std::u16string& text) {
    if (chunks_.IsEmpty()) chunks_ = Napi::Array::New(env_);
    napi_value value = nullptr;
    napi_create_string_utf16(env_, text.data(), text.size(), &value);
    chunks_.Set(chunk_count_++, Napi::Value(env_, value));
  }
  uint8_t* AddBuffer(size_t size) {
    if (buffers_.IsEmpty()) buffers_ = Napi::Array::New(env_);
    Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env_, size);
    buffers_.Set(buffer_count_++, buffer);
    return static_cast<uint8_t*>(buffer.Data());
  }
  Napi::Value chunks() const { return chunks_.IsEmpty() ? env_.Undefined() : Napi::Value(chunks_); }
  Napi::Value buffers() const { return buffers_.IsEmpty() ? env_.Undefined() : Napi::Value(buffers_); }

 private:
  Napi::Env env_;
  Napi::Array chunks_;
  Napi::Array buffers_;
  uint32_t chunk_count_ = 0;
  uint32_t buffer_count_ = 0;
};

void AppendFirst(std::string& out, const JsonRows& first, Attachments& attachments) {
  if (first.text.empty()) {
    out.push_back('0');
  } else if (first.text.size() <= kInlineBytes) {
    out.append(first.text);
  } else {
    out.push_back('1');
    attachments.AddText(first.text, first.ascii);
  }
  out.append(first.bytes.empty() ? ",0" : ",1");
  if (!first.bytes.empty()) {
    std::memcpy(attachments.AddBuffer(first.bytes.size()), first.bytes.data(), first.bytes.size());
  }
}

void AppendRest(std::string& out, const PackedRows& rest, Attachments& attachments) {
  out.push_back(',');
  AppendInteger(out, rest.rows);
  out.push_back(',');
  AppendInteger(out, rest.numbers.size());
  out.push_back(',');
  AppendInteger(out,
                (rest.texts.empty() ? 0 : 1) | (rest.wides.empty() ? 0 : 2) | (rest.shorts.empty() ? 0 : 4));
  if (!rest.texts.empty()) attachments.AddText(rest.texts, true);
  if (!rest.wides.empty()) attachments.AddWide(rest.wides);
  if (!rest.shorts.empty()) attachments.AddText(rest.shorts, true);
  const size_t numbers = rest.numbers.size() * sizeof(uint64_t);
  uint8_t* const buffer = attachments.AddBuffer(numbers + rest.tags.size() + rest.bytes.size());
  if (numbers > 0) std::memcpy(buffer, rest.numbers.data(), numbers);
  std::memcpy(buffer + numbers, rest.tags.data(), rest.tags.size());
  if (!rest.bytes.empty()) {
    std::memcpy(buffer + numbers + rest.tags.size(), rest.bytes.data(), rest.bytes.size());
  }
}

void AppendResult(std::string& out, const Result& result, Attachments& attachments) {
  out.append(",[");
  AppendInteger(out, result.changes);
  const int64_t rowid = result.last_insert_rowid;
  const bool safe = json::IsSafeInteger(rowid);
  out.append(safe ? "," : ",\"");
  AppendInteger(out, rowid);
  out.append(safe ? "," : "\",");
  out.append(result.columns.empty() ? "0" : result.columns);
  out.push_back(',');
  AppendFirst(out, result.first, attachments);
  for (const PackedRows& rest : result.rest) AppendRest(out, rest, attachments);
  out.push_back(']');
}

size_t ByteSize(const Result& result) {
  size_t size = result.first.text.size() + result.first.bytes.size();
  for (const PackedRows& rest : result.rest)
    size += rest.texts.size() + rest.wides.size() + rest.shorts.size() + rest.numbers.size() * 8 +
            rest.bytes.size();
  return size;
}

// What somebody watches: a commit's changes, and how long the job took with how much to tell.
void AppendTold(std::string& out, const Outcome& outcome) {
  out.append(",{\"changes\":").append(outcome.changes.empty() ? "[]" : outcome.changes);
  if (outcome.trace) {
    uint64_t rows = 0;
    size_t bytes = 0;
    for (const Result& result : outcome.results) {
      rows += result.rows;
      bytes += ByteSize(result);
    }
    out.append(",\"trace\":[");
    AppendInteger(out, outcome.trace->queue_us);
    out.push_back(',');
    AppendInteger(out, outcome.trace->run_us);
    out.push_back(',');
    AppendInteger(out, rows);
    out.push_back(',');
    AppendInteger(out, bytes);
    out.push_back(']');
  }
  out.push_back('}');
}

void AppendOutcome(std::string& out, const Outcome& outcome, Attachments& attachments) {
  out.push_back('[');
  AppendInteger(out, outcome.id);
  out.push_back(',');
  if (outcome.failure) {
    AppendFailure(out, *outcome.failure);
  } else {
    out.push_back('0');
  }
  out.push_back(',');
  AppendInteger(out, outcome.wal_pages);
  out.push_back(',');
  AppendInteger(out, (outcome.commit ? 1 : 0) | (outcome.wrote ? 2 : 0) | (outcome.altered ? 4 : 0) |
                         (outcome.done ? 8 : 0) | (int64_t{outcome.group_size} << 4));
  out.push_back(',');
  AppendInteger(out, outcome.worker);
  if (!outcome.info.empty()) {
    out.push_back(',');
    json::AppendString(out, outcome.info);
  }
  for (const Result& result : outcome.results) AppendResult(out, result, attachments);
  if (!outcome.changes.empty() || outcome.trace) AppendTold(out, outcome);
  out.push_back(']');
}

// The job keeps the texts that it shares: the numbers may stand for others by the time it runs.
void TakeShared(const Scratch& scratch, Packet& packet) {
  constexpr int kTag = static_cast<int>(Tag::kShared);
  const uint8_t* const begin = packet.tags.data();
  const uint8_t* const end = begin + packet.tags.size();
  for (const uint8_t* at = begin; at < end; ++at) {
    at = static_cast<const uint8_t*>(std::memchr(at, kTag, static_cast<size_t>(end - at)));
    if (at == nullptr) return;
    const auto number = static_cast<size_t>(scratch.slots[kFirstEntry + (at - begin)]);
    const auto index = static_cast<double>(packet.shared.size());
    std::memcpy(&packet.slots[static_cast<size_t>(at - begin)], &index, sizeof index);
    packet.shared.push_back(scratch.shared[number]);
  }
}

}  // namespace

JobPtr DecodeJob(const Scratch& scratch, Napi::Value text, Napi::Value blobs) {
  const auto number = [&](Slot slot) { return scratch.slots[slot]; };
  auto job = std::make_unique<Job>();
  job->id = static_cast<JobId>(number(kId));
  job->request = static_cast<Request>(static_cast<int>(number(kRequest)));
  job->lane = static_cast<LaneId>(number(kLane));
  job->policy = static_cast<uint8_t>(number(kPolicy));
  job->cancellable = number(kCancellable) != 0;
  // Beyond 30 years it is none: the clock would overflow.
  if (const double timeout_ms = number(kTimeoutMs); timeout_ms > 0 && timeout_ms < 1e12) {
    job->deadline = Clock::now() + std::chrono::microseconds(static_cast<int64_t>(timeout_ms * 1000));
  }
  const auto entries = static_cast<size_t>(number(kEntries));
  const auto units = static_cast<size_t>(number(kTextLength));
  Packet& packet = job->packet;
  packet.tags.assign(scratch.tags + kFirstEntry, scratch.tags + kFirstEntry + entries);
  packet.slots.resize(entries);
  if (entries > 0) std::memcpy(packet.slots.data(), scratch.slots + kFirstEntry, entries * sizeof(uint64_t));
  TakeShared(scratch, packet);
  ReadText(text, units, packet.text);
  packet.utf16_lengths = packet.text.size() != units;
  if (blobs.IsArray()) {
    const auto list = blobs.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); ++i) {
      const auto bytes = list.Get(i).As<Napi::Uint8Array>();
      packet.blobs.emplace_back(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
    }
  }
  job->byte_size = packet.ByteSize();
  return job;
}

Delivery EncodeDelivery(Napi::Env env, std::vector<Outcome>& outcomes, size_t& next, size_t end) {
  std::string header = "[";
  Attachments attachments(env);
  for (; next < end && header.size() < kHeaderBytes; ++next) {
    if (header.size() > 1) header.push_back(',');
    AppendOutcome(header, outcomes[next], attachments);
    outcomes[next] = {};
  }
  header.push_back(']');
  return {MakeString(env, header, json::IsAscii(header)), attachments.chunks(), attachments.buffers()};
}

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
      Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, value.bytes.size());
      if (!value.bytes.empty()) std::memcpy(buffer.Data(), value.bytes.data(), value.bytes.size());
      return Napi::Uint8Array::New(env, value.bytes.size(), buffer, 0);
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

uint32_t ReadResult(Napi::Value value, Packet& result) {
  if (value.IsArray()) return value.As<Napi::Array>().Get(uint32_t{0}).As<Napi::Number>().Uint32Value();
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
  return 0;
}

}  // namespace aiosqlite

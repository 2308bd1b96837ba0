#include "node/delivery.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/rows/json_text.h"
#include "engine/rows/number_text.h"
#include "engine/sqlite/error.h"
#include "node/external_text.h"
#include "protocol.h"

namespace aiosqlite {
namespace {

constexpr size_t kHeaderBytes = size_t{24} << 10;
constexpr size_t kInlineBytes = 4096;
// Limit of one value in the header: larger rows cross as a chunk of their own, other texts are cut.
constexpr size_t kLongestPart = size_t{1} << 20;
constexpr size_t kLongestNames = size_t{64} << 20;

Napi::Value MakeString(Napi::Env env, const std::string& text, bool ascii) {
  napi_value value = nullptr;
  if (ascii) {
    napi_create_string_latin1(env, text.data(), text.size(), &value);
  } else {
    napi_create_string_utf8(env, text.data(), text.size(), &value);
  }
  return {env, value};
}

// At most `bytes`, and whole characters.
std::string_view BeginningOf(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<uint8_t>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

template <class T>
std::string_view BytesOf(const std::vector<T>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)};
}

void AppendField(std::string& out, const char* name, const std::string& value) {
  out.append(",\"").append(name).append("\":");
  json::AppendString(out, BeginningOf(value, kLongestPart));
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

// The parts of a delivery beside its header: long texts, and buffers.
class SideParts {
 public:
  explicit SideParts(Napi::Env env) : env_(env) {}

  void AddText(const std::string& text, bool ascii) { AddChunk(MakeString(env_, text, ascii)); }
  void AddWide(const std::u16string& text) {
    napi_value value = nullptr;
    napi_create_string_utf16(env_, text.data(), text.size(), &value);
    AddChunk({env_, value});
  }
  // Its memory goes with the string.
  void AddLongText(LongText& text) {
    AddChunk(text.wide.empty() ? MakeExternalText(env_, std::move(text.ascii))
                               : MakeExternalText(env_, std::move(text.wide)));
  }
  void AddBuffer(std::initializer_list<std::string_view> parts) {
    size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    void* data = nullptr;
    napi_value buffer = nullptr;
    // Fails once another thread has ended the environment. Nothing reads the delivery then.
    if (napi_create_arraybuffer(env_, size, &data, &buffer) != napi_ok) return;
    auto* at = static_cast<char*>(data);
    for (const std::string_view part : parts) at = std::copy(part.begin(), part.end(), at);
    if (buffers_.IsEmpty()) buffers_ = Napi::Array::New(env_);
    buffers_.Set(buffer_count_++, Napi::Value(env_, buffer));
  }
  Napi::Value chunks() const { return chunks_.IsEmpty() ? env_.Undefined() : Napi::Value(chunks_); }
  Napi::Value buffers() const { return buffers_.IsEmpty() ? env_.Undefined() : Napi::Value(buffers_); }

 private:
  void AddChunk(Napi::Value text) {
    if (chunks_.IsEmpty()) chunks_ = Napi::Array::New(env_);
    chunks_.Set(chunk_count_++, text);
  }

  Napi::Env env_;
  Napi::Array chunks_;
  Napi::Array buffers_;
  uint32_t chunk_count_ = 0;
  uint32_t buffer_count_ = 0;
};

void AppendFirst(std::string& out, JsonRows& first, SideParts& side) {
  if (first.text.empty()) {
    out.push_back('0');
  } else if (first.text.size() <= kInlineBytes && out.size() < kLongestPart) {
    out.append(first.text);
  } else {
    out.push_back('1');
    side.AddText(first.text, first.ascii);
  }
  const bool has_bytes = !first.bytes.empty();
  out.push_back(',');
  AppendInteger(out, first.long_texts.size() * 2 + (has_bytes ? 1 : 0));
  for (LongText& text : first.long_texts) side.AddLongText(text);
  if (has_bytes) side.AddBuffer({first.bytes});
}

void AppendRest(std::string& out, const PackedRows& rest, SideParts& side) {
  out.push_back(',');
  AppendInteger(out, rest.rows);
  out.push_back(',');
  AppendInteger(out, rest.numbers.size());
  out.push_back(',');
  AppendInteger(out, (rest.texts.empty() ? 0 : chunk_text::kTexts) |
                         (rest.wides.empty() ? 0 : chunk_text::kWides) |
                         (rest.shorts.empty() ? 0 : chunk_text::kShorts));
  if (!rest.texts.empty()) side.AddText(rest.texts, true);
  if (!rest.wides.empty()) side.AddWide(rest.wides);
  if (!rest.shorts.empty()) side.AddText(rest.shorts, true);
  side.AddBuffer({BytesOf(rest.numbers), BytesOf(rest.tags), rest.bytes});
}

void AppendResult(std::string& out, Result& result, SideParts& side) {
  out.append(",[");
  AppendInteger(out, result.changes);
  const int64_t rowid = result.last_insert_rowid;
  const bool safe = json::IsSafeInteger(rowid);
  out.append(safe ? "," : ",\"");
  AppendInteger(out, rowid);
  out.append(safe ? "," : "\",");
  out.append(result.columns.empty() ? "0" : result.columns);
  out.push_back(',');
  AppendFirst(out, result.first, side);
  for (const PackedRows& rest : result.rest) AppendRest(out, rest, side);
  out.push_back(']');
}

size_t ByteSize(const Result& result) {
  size_t size = result.first.text.size() + result.first.bytes.size();
  for (const LongText& text : result.first.long_texts) size += text.ascii.size() + text.wide.size() * 2;
  for (const PackedRows& rest : result.rest)
    size += rest.texts.size() + rest.wides.size() + rest.shorts.size() + rest.numbers.size() * 8 +
            rest.bytes.size();
  return size;
}

void AppendChanges(std::string& out, const std::vector<std::string>& changes, SideParts& side) {
  if (changes.size() == 1 && changes.front().size() <= kInlineBytes) {
    out.append(changes.front());
  } else {
    AppendInteger(out, changes.size());
    for (const std::string& part : changes) side.AddText(part, json::IsAscii(part));
  }
}

void AppendTrace(std::string& out, const Outcome& outcome) {
  uint64_t rows = 0;
  size_t bytes = 0;
  for (const Result& result : outcome.results) {
    rows += result.rows;
    bytes += ByteSize(result);
  }
  out.push_back('[');
  AppendInteger(out, outcome.trace->queue_us);
  out.push_back(',');
  AppendInteger(out, outcome.trace->run_us);
  out.push_back(',');
  AppendInteger(out, rows);
  out.push_back(',');
  AppendInteger(out, bytes);
  out.push_back(']');
}

int FlagsOf(const Outcome& outcome) {
  return (outcome.counts_commit ? outcome_flag::kCountsCommit : 0) |
         (outcome.altered ? outcome_flag::kAltered : 0) | (outcome.done ? outcome_flag::kDone : 0);
}

void AppendOutcome(std::string& out, Outcome& outcome, SideParts& side) {
  out.push_back('[');
  AppendInteger(out, outcome.id);
  out.push_back(',');
  if (outcome.failure) {
    AppendFailure(out, *outcome.failure);
  } else {
    out.push_back('0');
  }
  out.push_back(',');
  AppendInteger(out, FlagsOf(outcome));
  out.push_back(',');
  AppendInteger(out, outcome.group_size);
  out.push_back(',');
  AppendInteger(out, outcome.wal_pages);
  out.push_back(',');
  AppendInteger(out, outcome.worker);
  out.push_back(',');
  if (outcome.info.empty()) {
    out.push_back('0');
  } else {
    json::AppendString(out, outcome.info);
  }
  out.push_back(',');
  AppendChanges(out, outcome.changes, side);
  out.push_back(',');
  if (outcome.trace) {
    AppendTrace(out, outcome);
  } else {
    out.push_back('0');
  }
  for (Result& result : outcome.results) AppendResult(out, result, side);
  out.push_back(']');
}

// Size of the parts that are always in the header.
size_t SizeOfNames(const Outcome& outcome) {
  size_t size = outcome.info.size();
  for (const Result& result : outcome.results) size += result.columns.size();
  return size;
}

}  // namespace

Delivery EncodeDelivery(Napi::Env env, std::vector<Outcome>& outcomes, size_t& next, size_t end) {
  std::string header = "[";
  SideParts side(env);
  for (; next < end && header.size() < kHeaderBytes; ++next) {
    if (header.size() > 1) header.push_back(',');
    Outcome& outcome = outcomes[next];
    if (SizeOfNames(outcome) > kLongestNames) {
      outcome.failure = TooLong("the names of columns are together longer than 64 MiB", {});
      outcome.results.clear();
      outcome.info.clear();
    }
    AppendOutcome(header, outcome, side);
    outcome = {};
  }
  header.push_back(']');
  return {MakeString(env, header, json::IsAscii(header)), side.chunks(), side.buffers()};
}

}  // namespace aiosqlite

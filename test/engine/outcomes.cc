#include "outcomes.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "engine/rows/json_text.h"
#include "engine/rows/number_text.h"
#include "test.h"

namespace aiosqlite::test {
namespace {

// The elements of a JSON array, as they are written.
std::vector<std::string> Elements(const std::string& array) {
  std::vector<std::string> elements;
  int depth = 0;
  bool quoted = false;
  size_t begin = 1;
  for (size_t i = 0; i < array.size(); ++i) {
    const char c = array[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    if (c == '[' || c == '{') ++depth;
    const bool last = (c == ']' || c == '}') && --depth == 0;
    if (last ? i > begin : c == ',' && depth == 1) {
      elements.push_back(array.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  return elements;
}

std::string Utf8Of(const std::u16string& text) {
  std::string utf8;
  for (size_t i = 0; i < text.size(); ++i) {
    char32_t point = text[i];
    if (point >= 0xD800 && point < 0xDC00) point = 0x10000 + ((point - 0xD800) << 10) + (text[++i] - 0xDC00);
    int following = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    utf8.push_back(
        static_cast<char>(following == 0 ? point : (0xF00 >> following) | (point >> (6 * following))));
    while (following-- > 0) utf8.push_back(static_cast<char>(0x80 | ((point >> (6 * following)) & 0x3F)));
  }
  return utf8;
}

// One row after another: what is packed, as the JSON that would stand for it.
void Unpack(const PackedRows& packed, std::string& rows) {
  const std::vector<std::string> texts = Elements(packed.texts);
  const std::vector<std::string> wides = Elements(Utf8Of(packed.wides));
  const size_t width = packed.tags.size() / packed.rows;
  size_t number = 0;
  size_t text = 0;
  size_t wide = 0;
  size_t short_at = 0;
  for (size_t cell = 0; cell < packed.tags.size(); ++cell) {
    rows.append(cell % width > 0 ? "," : rows.size() > 1 ? ",[" : "[");
    const uint8_t tag = packed.tags[cell];
    if (tag >= static_cast<uint8_t>(Tag::kShort)) {
      const size_t length = tag - static_cast<uint8_t>(Tag::kShort);
      json::AppendString(rows, std::string_view(packed.shorts).substr(short_at, length));
      short_at += length;
      if ((cell + 1) % width == 0) rows.push_back(']');
      continue;
    }
    if (tag == static_cast<uint8_t>(Tag::kWide)) {
      rows.append(wides[wide++]);
      if ((cell + 1) % width == 0) rows.push_back(']');
      continue;
    }
    switch (static_cast<Tag>(tag)) {
      case Tag::kReal: {
        double value;
        std::memcpy(&value, &packed.numbers[number++], sizeof value);
        // Whole numbers in full, as the first rows have integers: 100000 and not 1e+05.
        if (value == std::floor(value) && std::fabs(value) < 1e15) {
          AppendInteger(rows, static_cast<int64_t>(value));
        } else {
          AppendReal(rows, value);
        }
        break;
      }
      case Tag::kText:
      case Tag::kShared:
        rows.append(texts[text++]);
        break;
      case Tag::kNull:
        rows.append("null");
        break;
      default:
        rows.append("null");
        ++number;
    }
    if ((cell + 1) % width == 0) rows.push_back(']');
  }
}

}  // namespace

void Outcomes::Post(std::vector<Outcome>&& outcomes) {
  std::function<void(const std::vector<Outcome>&)> hook;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    hook = hook_;
  }
  if (hook) hook(outcomes);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Outcome& outcome : outcomes) {
      const JobId id = outcome.id;
      ++times_[id];
      order_.push_back(id);
      outcomes_[id] = std::move(outcome);
    }
  }
  posted_.notify_all();
}

Outcome Outcomes::Await(JobId id) {
  std::unique_lock<std::mutex> lock(mutex_);
  const bool came = posted_.wait_for(lock, std::chrono::minutes(2), [&] { return outcomes_.count(id) != 0; });
  if (came) return outcomes_[id];
  Fail(__FILE__, __LINE__, "job " + std::to_string(id) + " was never settled");
  Outcome outcome;
  outcome.id = id;
  outcome.failure.emplace();
  outcome.failure->code = "NEVER";
  return outcome;
}

bool Outcomes::Has(JobId id) const { return Times(id) != 0; }

size_t Outcomes::Times(JobId id) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = times_.find(id);
  return found == times_.end() ? 0 : found->second;
}

std::vector<JobId> Outcomes::Order() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return order_;
}

void Outcomes::OnPost(std::function<void(const std::vector<Outcome>&)> hook) {
  const std::lock_guard<std::mutex> lock(mutex_);
  hook_ = std::move(hook);
}

Failure FailureOf(const Outcome& outcome) { return outcome.failure.value_or(Failure{}); }

std::string CodeOf(const Outcome& outcome) { return outcome.failure ? outcome.failure->code : ""; }

std::string RowsOf(const Outcome& outcome, size_t index) {
  if (index >= outcome.results.size()) return "no result: " + CodeOf(outcome);
  const Result& result = outcome.results[index];
  if (result.first.text.empty()) return "[]";
  std::string rows = Elements(result.first.text).front();
  rows.pop_back();
  for (const PackedRows& packed : result.rest) Unpack(packed, rows);
  return rows + "]";
}

}  // namespace aiosqlite::test

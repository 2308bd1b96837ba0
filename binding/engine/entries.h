// Any thread, one at a time: written by the caller, handed over with its job, then read by the worker alone.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol.h"

namespace aiosqlite {

// The longest text that JavaScript takes, with some room: V8's limit is 2^29 - 24 UTF-16 units, and of what
// it is given as UTF-8 so many bytes.
constexpr size_t kLongestText = size_t{511} << 20;

// A text that many calls have in common, mostly SQL.
using SharedText = std::shared_ptr<const std::string>;

// One value to bind, pointing into the entries.
struct Value {
  Tag tag = Tag::kNull;
  int64_t integer = 0;
  double real = 0;
  std::string_view bytes;
};

// Content of a call: SQL texts, values and settings as one flat list of tagged entries.
// The caller fills it in one pass and copies it in a few memcpy; interpreting it is the worker's job.
// One UTF-8 string holds all texts, one after the other; their entries have their lengths in bytes.
struct Entries {
  std::vector<uint8_t> tags;
  std::vector<uint64_t> slots;
  std::string text;
  std::vector<std::string> blobs;
  std::vector<SharedText> shared;

  size_t ByteSize() const {
    size_t size = tags.size() + slots.size() * sizeof(uint64_t) + text.size();
    for (const std::string& blob : blobs) size += blob.size();
    return size;
  }

  double NumberAt(size_t index) const {
    double number;
    std::memcpy(&number, &slots[index], sizeof number);
    return number;
  }
  void SetNumber(size_t index, double number) { std::memcpy(&slots[index], &number, sizeof number); }

  void Add(Tag tag, double slot) {
    tags.push_back(static_cast<uint8_t>(tag));
    slots.push_back(0);
    SetNumber(slots.size() - 1, slot);
  }
  void AddNull() { Add(Tag::kNull, 0); }
  void AddNumber(double number) { Add(Tag::kInteger, number); }
  void AddReal(double number) { Add(Tag::kReal, number); }
  void AddInt64(int64_t number) {
    tags.push_back(static_cast<uint8_t>(Tag::kInt64));
    slots.push_back(static_cast<uint64_t>(number));
  }
  void AddArray(size_t count) { Add(Tag::kArray, static_cast<double>(count)); }
  void AddBlob(std::string_view bytes) {
    Add(Tag::kBlob, static_cast<double>(blobs.size()));
    blobs.emplace_back(bytes);
  }
  void AddText(std::string_view value) {
    Add(Tag::kText, static_cast<double>(value.size()));
    text.append(value);
  }
  void AddShared(SharedText value) {
    Add(Tag::kShared, static_cast<double>(shared.size()));
    shared.push_back(std::move(value));
  }
};

// Reads entries from first to last. A group that runs again makes a new reader.
class EntryReader {
 public:
  explicit EntryReader(const Entries& entries) : entries_(entries) {}

  double Number() { return entries_.NumberAt(at_++); }
  int Int() { return static_cast<int>(Number()); }
  std::string_view Text() { return Next().bytes; }

  // Passes over the parameters of a statement.
  void SkipParams(int count) {
    for (int i = count < 0 ? 2 * -count : count; i > 0; --i) {
      const Value value = Next();
      if (value.tag == Tag::kArray) SkipParams(static_cast<int>(value.integer));
    }
  }

  Value Next() {
    Value value;
    value.tag = static_cast<Tag>(entries_.tags[at_]);
    const size_t at = at_++;
    switch (value.tag) {
      case Tag::kInteger:
      case Tag::kArray:
        value.integer = static_cast<int64_t>(entries_.NumberAt(at));
        break;
      case Tag::kReal:
        value.real = entries_.NumberAt(at);
        break;
      case Tag::kInt64:
        std::memcpy(&value.integer, &entries_.slots[at], sizeof value.integer);
        break;
      case Tag::kText:
        value.bytes =
            std::string_view(entries_.text).substr(text_at_, static_cast<size_t>(entries_.NumberAt(at)));
        text_at_ += value.bytes.size();
        break;
      case Tag::kBlob:
        value.bytes = entries_.blobs[static_cast<size_t>(entries_.NumberAt(at))];
        break;
      case Tag::kShared:
        value.bytes = *entries_.shared[static_cast<size_t>(entries_.NumberAt(at))];
        break;
      default:
        break;  // NULL
    }
    return value;
  }

 private:
  const Entries& entries_;
  size_t at_ = 0;
  size_t text_at_ = 0;
};

}  // namespace aiosqlite

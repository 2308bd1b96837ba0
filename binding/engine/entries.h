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
// One UTF-8 string holds all texts, with a U+0000 after each. Their lengths are bytes or, as JavaScript
// counts, UTF-16 code units.
struct Entries {
  std::vector<uint8_t> tags;
  std::vector<uint64_t> slots;
  std::string text;
  std::vector<std::string> blobs;
  std::vector<SharedText> shared;
  bool utf16_lengths = false;

  size_t ByteSize() const {
    size_t size = tags.size() + slots.size() * sizeof(uint64_t) + text.size();
    for (const std::string& blob : blobs) size += blob.size();
    return size;
  }

  void Add(Tag tag, double slot) {
    tags.push_back(static_cast<uint8_t>(tag));
    slots.push_back(0);
    std::memcpy(&slots.back(), &slot, sizeof slot);
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
    text.push_back('\0');
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

  double Number() { return AsDouble(entries_.slots[at_++]); }
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
    const uint64_t slot = entries_.slots[at_++];
    switch (value.tag) {
      case Tag::kInteger:
      case Tag::kArray:
        value.integer = static_cast<int64_t>(AsDouble(slot));
        break;
      case Tag::kReal:
        value.real = AsDouble(slot);
        break;
      case Tag::kInt64:
        std::memcpy(&value.integer, &slot, sizeof slot);
        break;
      case Tag::kText:
        value.bytes = TextOf(AsDouble(slot));
        break;
      case Tag::kBlob:
        value.bytes = entries_.blobs[static_cast<size_t>(AsDouble(slot))];
        break;
      case Tag::kShared:
        value.bytes = *entries_.shared[static_cast<size_t>(AsDouble(slot))];
        break;
      default:
        break;  // NULL
    }
    return value;
  }

 private:
  static double AsDouble(uint64_t slot) {
    double number;
    std::memcpy(&number, &slot, sizeof number);
    return number;
  }

  std::string_view TextOf(double length) {
    const char* begin = entries_.text.data() + text_at_;
    const size_t units = static_cast<size_t>(length);
    const size_t bytes = entries_.utf16_lengths ? Utf8Length(begin, units) : units;
    text_at_ += bytes + 1;
    return {begin, bytes};
  }

  // Bytes of the first `units` UTF-16 code units: a four-byte sequence is a surrogate pair, all else is one
  // unit.
  static size_t Utf8Length(const char* text, size_t units) {
    const char* at = text;
    while (units > 0) {
      const auto lead = static_cast<unsigned char>(*at);
      const int width = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
      at += width;
      units -= width == 4 ? 2 : 1;
    }
    return static_cast<size_t>(at - text);
  }

  const Entries& entries_;
  size_t at_ = 0;
  size_t text_at_ = 0;
};

}  // namespace aiosqlite

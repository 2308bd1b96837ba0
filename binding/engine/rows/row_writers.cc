#include "engine/rows/row_writers.h"

#include <cstring>
#include <utility>

#include "engine/rows/json_text.h"
#include "engine/rows/number_text.h"
#include "engine/rows/utf16.h"

namespace aiosqlite {
namespace {

constexpr size_t kChunkBytes = size_t{32} << 10;
// Parsing JSON copies a text once more: from here on that costs more than a string of its own.
constexpr size_t kLongTextBytes = size_t{64} << 10;

}  // namespace

void JsonRowWriter::Begin(bool objects, bool names_are_ascii) {
  objects_ = objects;
  rows_.ascii = names_are_ascii;
}

void JsonRowWriter::BeginRow() {
  rows_.text.append(row_ == 0 ? "[[" : ",");
  rows_.text.push_back(objects_ ? '{' : '[');
  first_cell_ = true;
}

void JsonRowWriter::BeginCell(const std::string& prefix) {
  if (!first_cell_) rows_.text.push_back(',');
  first_cell_ = false;
  rows_.text.append(prefix);
}

void JsonRowWriter::Integer(int64_t value) { AppendInteger(rows_.text, value); }

void JsonRowWriter::Real(double value) { AppendReal(rows_.text, value); }

void JsonRowWriter::BeginPatch(int column) {
  Null();
  patches_.append(patches_.empty() ? "[" : ",[");
  AppendInteger(patches_, row_);
  patches_.push_back(',');
  AppendInteger(patches_, column);
  patches_.push_back(',');
}

void JsonRowWriter::BigInteger(int column, int64_t value) {
  BeginPatch(column);
  patches_.push_back('"');
  AppendInteger(patches_, value);
  patches_.append("\"]");
}

void JsonRowWriter::Blob(int column, std::string_view bytes) {
  BeginPatch(column);
  AppendInteger(patches_, rows_.bytes.size());
  patches_.push_back(',');
  AppendInteger(patches_, bytes.size());
  patches_.push_back(']');
  rows_.bytes.append(bytes);
}

void JsonRowWriter::Text(int column, std::string_view text) {
  if (text.size() < kLongTextBytes) {
    rows_.ascii &= json::AppendString(rows_.text, text);
  } else {
    AddLongText(column, text);
  }
}

void JsonRowWriter::AddLongText(int column, std::string_view text) {
  BeginPatch(column);
  AppendInteger(patches_, rows_.long_texts.size());
  patches_.push_back(']');
  long_bytes_ += text.size();
  longest_bytes_ = std::max(longest_bytes_, text.size());
  // Rejected by the encoder: no copy is made.
  if (text.size() > kLongestText) return;
  LongText& added = rows_.long_texts.emplace_back();
  if (json::IsAscii(text)) {
    added.ascii = text;
  } else {
    AppendUtf16(added.wide, text);
  }
}

void JsonRowWriter::Json(std::string_view text, bool ascii) {
  rows_.text.append(text);
  rows_.ascii &= ascii;
}

void JsonRowWriter::EndRow() {
  rows_.text.push_back(objects_ ? '}' : ']');
  ++row_;
}

JsonRows JsonRowWriter::Finish() {
  if (row_ > 0) rows_.text.append("],[").append(patches_).append("]]");
  return std::move(rows_);
}

void PackedRowWriter::Real(double value) {
  Add(Tag::kReal);
  chunk_.numbers.push_back(0);
  std::memcpy(&chunk_.numbers.back(), &value, sizeof value);
}

void PackedRowWriter::BigInteger(int, int64_t value) {
  Add(Tag::kInt64);
  chunk_.numbers.push_back(static_cast<uint64_t>(value));
}

void PackedRowWriter::Blob(int, std::string_view bytes) {
  Real(static_cast<double>(bytes.size()));
  chunk_.tags.back() = static_cast<uint8_t>(Tag::kBlob);
  chunk_.bytes.append(bytes);
}

std::string& PackedRowWriter::Begin(bool ascii) {
  std::string& list = ascii ? chunk_.texts : wides_;
  chunk_.tags.push_back(ascii ? static_cast<uint8_t>(Tag::kText) : static_cast<uint8_t>(Tag::kWide));
  list.push_back(list.empty() ? '[' : ',');
  return list;
}

void PackedRowWriter::Text(int, std::string_view text) {
  const bool ascii = json::IsAscii(text);
  if (ascii && text.size() <= PackedRows::kLongestShort) {
    chunk_.tags.push_back(static_cast<uint8_t>(static_cast<uint8_t>(Tag::kShort) + text.size()));
    chunk_.shorts.append(text);
  } else {
    json::AppendString(Begin(ascii), text);
  }
}

void PackedRowWriter::EndRow() {
  ++chunk_.rows;
  if (ChunkSize() >= kChunkBytes) Flush();
}

void PackedRowWriter::Flush() {
  if (chunk_.rows == 0) return;
  flushed_ += ChunkSize();
  if (!chunk_.texts.empty()) chunk_.texts.push_back(']');
  if (!wides_.empty()) {
    wides_.push_back(']');
    AppendUtf16(chunk_.wides, wides_);
    wides_.clear();
  }
  chunks_.push_back(std::exchange(chunk_, {}));
}

std::vector<PackedRows> PackedRowWriter::Finish() {
  Flush();
  return std::move(chunks_);
}

}  // namespace aiosqlite

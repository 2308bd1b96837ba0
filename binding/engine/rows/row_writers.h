// Worker thread. The two forms in which rows cross to JavaScript.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/job.h"

namespace aiosqlite {

// Rows as JSON that is parsed together with the outcome's other parts: the cheapest for a few.
class JsonRowWriter {
 public:
  // `prefixes`: of objects, `"name":` per column; of arrays, empty strings.
  void Begin(bool objects, bool names_are_ascii);
  void BeginRow();
  void BeginCell(const std::string& prefix);
  void Null() { rows_.text.append("null"); }
  void Integer(int64_t value);
  void Real(double value);
  // Writes null and adds a patch: for an integer that no number holds, a blob, or a long text.
  void BigInteger(int column, int64_t value);
  void Blob(int column, std::string_view bytes);
  void Text(int column, std::string_view text);
  void Json(std::string_view text, bool ascii);
  void EndRow();

  size_t size() const { return rows_.text.size() + rows_.bytes.size() + long_bytes_; }
  // Bytes of the longest JavaScript string that this becomes.
  size_t LongestText() const { return std::max(rows_.text.size() + patches_.size(), longest_bytes_); }
  bool patched() const { return !patches_.empty(); }
  JsonRows Finish();

 private:
  void BeginPatch(int column);
  void AddLongText(int column, std::string_view text);

  JsonRows rows_;
  std::string patches_;
  size_t long_bytes_ = 0;     // of all long texts, as UTF-8
  size_t longest_bytes_ = 0;  // of the longest
  bool objects_ = false;
  bool first_cell_ = true;
  int row_ = 0;
};

// Rows cell by cell. Measured (1,000 rows of 10 to objects, JavaScript thread): 0.14 of better-sqlite3's
// all(), where JSON arrays cost 0.25, JSON objects 0.38. Chunks stay below 32 KB: in one big string
// large-object pages fault in.
class PackedRowWriter {
 public:
  void BeginRow() {}
  void BeginCell(const std::string&) {}
  void Null() { Add(Tag::kNull); }
  void Integer(int64_t value) { Real(static_cast<double>(value)); }
  void Real(double value);
  void BigInteger(int column, int64_t value);
  void Blob(int column, std::string_view bytes);
  void Text(int column, std::string_view text);
  void Json(std::string_view text, bool ascii) { Begin(ascii).append(text); }
  void EndRow();

  bool any() const { return !chunks_.empty() || chunk_.rows > 0; }
  size_t size() const { return flushed_ + ChunkSize(); }
  size_t LongestText() const { return std::max(chunk_.texts.size(), wides_.size()); }
  std::vector<PackedRows> Finish();

 private:
  void Add(Tag tag) { chunk_.tags.push_back(static_cast<uint8_t>(tag)); }
  // The list to which a text of this kind is appended.
  std::string& Begin(bool ascii);
  size_t ChunkSize() const {
    return chunk_.texts.size() + wides_.size() + chunk_.shorts.size() + chunk_.bytes.size() +
           chunk_.tags.size() * 8;
  }
  void Flush();

  PackedRows chunk_;
  std::string wides_;  // of the chunk, still as UTF-8
  std::vector<PackedRows> chunks_;
  size_t flushed_ = 0;  // bytes of the chunks
};

}  // namespace aiosqlite

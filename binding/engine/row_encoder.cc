#include "engine/row_encoder.h"

#include <sqlite3.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "engine/error.h"
#include "engine/json_text.h"

namespace aiosqlite {
namespace {

constexpr size_t kChunkBytes = size_t{32} << 10;

template <class Number>
void AppendNumber(std::string& out, Number number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end.ptr);
}

}  // namespace

RowEncoder::RowEncoder(RowMode mode, IntegerMode integers, std::vector<std::string_view> json_columns)
    : mode_(mode),
      integers_(integers),
      json_columns_(std::move(json_columns)),
      objects_(mode == RowMode::kObject || mode == RowMode::kFirstObject) {}

std::optional<Failure> RowEncoder::Begin(Statement& statement) {
  const std::vector<std::string>& names = statement.ColumnNames();
  columns_.resize(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    if (!objects_) continue;
    columns_[i].prefix = names[i] + ":";
    for (const char c : names[i]) names_are_ascii_ &= static_cast<unsigned char>(c) < 0x80;
    for (size_t later = i + 1; later < names.size(); ++later) {
      if (names[later] == names[i]) columns_[i].shadowed = true;
    }
  }
  chunk_.ascii = names_are_ascii_;
  for (const std::string_view wanted : json_columns_) {
    std::string quoted;
    json::AppendString(quoted, wanted);
    bool found = false;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] != quoted) continue;
      columns_[i].json = true;
      found = true;
    }
    if (found) continue;
    Failure failure =
        OwnFailure("ERR_INVALID_JSON", "jsonColumns names " + quoted + ", which is no column of the result");
    failure.column = wanted;
    return failure;
  }
  return std::nullopt;
}

std::optional<Failure> RowEncoder::Add(Statement& statement) {
  std::string& out = chunk_.text;
  out.append(rows_in_chunk_ == 0 ? "[[" : ",");
  out.push_back(objects_ ? '{' : '[');
  bool first = true;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].shadowed) continue;
    if (!first) out.push_back(',');
    first = false;
    out.append(columns_[i].prefix);
    if (auto failure = AddValue(statement, static_cast<int>(i))) return failure;
  }
  out.push_back(objects_ ? '}' : ']');
  ++rows_in_chunk_;
  if (out.size() + chunk_.bytes.size() >= kChunkBytes) Flush();
  return std::nullopt;
}

std::optional<Failure> RowEncoder::AddValue(Statement& statement, int column) {
  sqlite3_stmt* const handle = statement.handle();
  switch (sqlite3_column_type(handle, column)) {
    case SQLITE_INTEGER:
      return AddInteger(statement, column, sqlite3_column_int64(handle, column));
    case SQLITE_FLOAT:
      AddReal(sqlite3_column_double(handle, column));
      break;
    case SQLITE_TEXT: {
      // The text first, then its length: the order that needs no conversion
      // (sqlite.org/c3ref/column_blob.html).
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle, column));
      const auto size = static_cast<size_t>(sqlite3_column_bytes(handle, column));
      if (text == nullptr) return SqliteFailure(sqlite3_db_handle(handle), SQLITE_NOMEM, statement.sql());
      if (columns_[static_cast<size_t>(column)].json) {
        bool ascii = true;
        if (!json::IsValid({text, size}, ascii)) {
          const std::string& name = statement.ColumnNames()[static_cast<size_t>(column)];
          Failure failure =
              OwnFailure("ERR_INVALID_JSON", "column " + name + " holds text that is not valid JSON");
          failure.column = sqlite3_column_name(handle, column);
          failure.sql = statement.sql();
          return failure;
        }
        chunk_.text.append(text, size);
        chunk_.ascii &= ascii;
      } else {
        chunk_.ascii &= json::AppendString(chunk_.text, {text, size});
      }
      break;
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle, column));
      AddBlob(column, {bytes, static_cast<size_t>(sqlite3_column_bytes(handle, column))});
      break;
    }
    default:
      chunk_.text.append("null");
  }
  return std::nullopt;
}

std::optional<Failure> RowEncoder::AddInteger(Statement& statement, int column, int64_t value) {
  const bool safe = json::IsSafeInteger(value);
  if (safe && integers_ != IntegerMode::kBigint) {
    AppendNumber(chunk_.text, value);
    return std::nullopt;
  }
  if (!safe && integers_ == IntegerMode::kNumber) {
    return OutOfRange(sqlite3_column_name(statement.handle(), column), statement.sql());
  }
  chunk_.text.append("null");
  BeginPatch(column);
  patches_.push_back('"');
  AppendNumber(patches_, value);
  patches_.append("\"]");
  return std::nullopt;
}

// The shortest text that reads back as the same double; JSON.parse makes Infinity of 1e999 and keeps -0.
void RowEncoder::AddReal(double value) {
  if (std::isinf(value)) {
    chunk_.text.append(value > 0 ? "1e999" : "-1e999");
    return;
  }
#if defined(__cpp_lib_to_chars)
  AppendNumber(chunk_.text, value);
#else
  char digits[32];
  const int length = std::snprintf(digits, sizeof digits, "%.17g", value);
  chunk_.text.append(digits, static_cast<size_t>(length));
#endif
}

void RowEncoder::AddBlob(int column, std::string_view bytes) {
  chunk_.text.append("null");
  BeginPatch(column);
  AppendNumber(patches_, chunk_.bytes.size());
  patches_.push_back(',');
  AppendNumber(patches_, bytes.size());
  patches_.push_back(']');
  chunk_.bytes.append(bytes);
}

void RowEncoder::BeginPatch(int column) {
  patched_ = true;
  patches_.append(patches_.empty() ? "[" : ",[");
  AppendNumber(patches_, rows_in_chunk_);
  patches_.push_back(',');
  AppendNumber(patches_, column);
  patches_.push_back(',');
}

void RowEncoder::Flush() {
  if (rows_in_chunk_ == 0) return;
  chunk_.text.append("],[").append(patches_).append("]");
  if (!chunk_.bytes.empty()) chunk_.text.append(",1");
  chunk_.text.append("]");
  chunks_.push_back(std::move(chunk_));
  chunk_ = Chunk{};
  chunk_.ascii = names_are_ascii_;
  patches_.clear();
  rows_in_chunk_ = 0;
}

std::vector<Chunk> RowEncoder::Finish() {
  Flush();
  return std::move(chunks_);
}

}  // namespace aiosqlite

#include "engine/rows/row_encoder.h"

#include <sqlite3.h>

#include <algorithm>
#include <new>
#include <utility>

#include "engine/rows/json_reader.h"
#include "engine/rows/json_text.h"
#include "engine/sqlite/error.h"

namespace aiosqlite {
namespace {

constexpr size_t kFirstBytes = size_t{2} << 10;

std::string JsonArray(const std::vector<std::string>& names) {
  std::string array = "[";
  for (const std::string& name : names) array.append(array.size() > 1 ? "," : "").append(name);
  return array + "]";
}

Failure NoMemory(std::string_view sql) { return SqliteFailure(nullptr, SQLITE_NOMEM, sql); }

}  // namespace

RowEncoder::RowEncoder(RowMode mode, IntegerMode integers, NameList json_columns)
    : mode_(mode),
      integers_(integers),
      json_columns_(json_columns),
      objects_(mode == RowMode::kObject || mode == RowMode::kFirstObject) {}

std::optional<Failure> RowEncoder::Begin(Statement& statement) {
  if (!wants_rows()) return std::nullopt;
  const std::vector<std::string>& names = statement.ColumnNames();
  bool ascii = true;
  columns_.resize(names.size());
  for (size_t i = 0; objects_ && i < names.size(); ++i) {
    columns_[i].prefix = names[i] + ":";
    columns_[i].shadowed =
        std::find(names.begin() + static_cast<std::ptrdiff_t>(i) + 1, names.end(), names[i]) != names.end();
    ascii &= json::IsAscii(names[i]);
  }
  first_.Begin(objects_, ascii);
  for (NameList left = json_columns_; !left.empty();) {
    const std::string_view wanted = left.TakeFirst();
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
  ++rows_;
  // Rows grow without a limit. If there is no memory for more, unwinding frees much of it before the failure
  // is reported.
  try {
    return first_.size() < kFirstBytes ? AddTo(first_, statement) : AddTo(rest_, statement);
  } catch (const std::bad_alloc&) {
    return NoMemory(statement.sql());
  }
}

template <class Writer>
std::optional<Failure> RowEncoder::AddTo(Writer& writer, Statement& statement) {
  sqlite3_stmt* const handle = statement.handle();
  const int count = static_cast<int>(columns_.size());
  writer.BeginRow();
  for (int i = 0; i < count; ++i) {
    const Column& column = columns_[static_cast<size_t>(i)];
    if (column.shadowed) continue;
    writer.BeginCell(column.prefix);
    switch (sqlite3_column_type(handle, i)) {
      case SQLITE_INTEGER:
        if (auto failure = AddInteger(writer, statement, i)) return failure;
        break;
      case SQLITE_FLOAT:
        writer.Real(sqlite3_column_double(handle, i));
        break;
      case SQLITE_TEXT:
        if (auto failure = AddText(writer, statement, i)) return failure;
        break;
      case SQLITE_BLOB: {
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle, i));
        // SQLite makes the bytes of a zeroblob here. Without memory for them it becomes NULL.
        if (bytes == nullptr && sqlite3_column_type(handle, i) == SQLITE_NULL)
          return NoMemory(statement.sql());
        writer.Blob(i, {bytes, static_cast<size_t>(sqlite3_column_bytes(handle, i))});
        break;
      }
      default:
        writer.Null();
    }
  }
  if (writer.LongestText() > kLongestText)
    return TooLong("the texts of a row are together longer than a JavaScript string can be, 511 MiB",
                   statement.sql());
  writer.EndRow();
  return std::nullopt;
}

template <class Writer>
std::optional<Failure> RowEncoder::AddInteger(Writer& writer, Statement& statement, int column) {
  const int64_t value = sqlite3_column_int64(statement.handle(), column);
  const bool safe = json::IsSafeInteger(value);
  if (!safe && integers_ == IntegerMode::kNumber) {
    return OutOfRange(sqlite3_column_name(statement.handle(), column), statement.sql());
  }
  if (safe && integers_ != IntegerMode::kBigint) {
    writer.Integer(value);
  } else {
    writer.BigInteger(column, value);
  }
  return std::nullopt;
}

template <class Writer>
std::optional<Failure> RowEncoder::AddText(Writer& writer, Statement& statement, int column) {
  sqlite3_stmt* const handle = statement.handle();
  // The text first, then its length: the order that needs no conversion (sqlite.org/c3ref/column_blob.html).
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle, column));
  if (bytes == nullptr) return NoMemory(statement.sql());
  const std::string_view text(bytes, static_cast<size_t>(sqlite3_column_bytes(handle, column)));
  if (!columns_[static_cast<size_t>(column)].json) {
    writer.Text(column, text);
    return std::nullopt;
  }
  bool ascii = true;
  if (json::IsValid(text, ascii)) {
    writer.Json(text, ascii);
    return std::nullopt;
  }
  Failure failure =
      OwnFailure("ERR_INVALID_JSON", "column " + statement.ColumnNames()[static_cast<size_t>(column)] +
                                         " holds text that is not valid JSON");
  failure.column = sqlite3_column_name(handle, column);
  failure.sql = statement.sql();
  return failure;
}

void RowEncoder::Finish(Statement& statement, bool wants_columns, Result& result) {
  if (wants_columns || first_.patched() || rest_.any()) result.columns = JsonArray(statement.ColumnNames());
  result.rows = rows_;
  result.first = first_.Finish();
  result.rest = rest_.Finish();
}

}  // namespace aiosqlite

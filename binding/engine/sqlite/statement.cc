#include "engine/sqlite/statement.h"

#include <sqlite3.h>

#include <utility>

#include "engine/features/array_binding.h"
#include "engine/rows/json_text.h"
#include "engine/sqlite/error.h"

namespace aiosqlite {

Statement::Statement(sqlite3* db, sqlite3_stmt* handle, StatementTraits traits, std::string sql)
    : db_(db),
      handle_(handle),
      traits_(traits),
      sql_(std::move(sql)),
      parameter_count_(sqlite3_bind_parameter_count(handle)) {}

Statement::~Statement() { sqlite3_finalize(handle_); }

std::optional<Failure> Statement::Bind(EntryReader& entries, int count) {
  arrays_ = 0;
  auto failure = count < 0 ? BindNamed(entries, -count) : BindListed(entries, count);
  // To SQLite all else is an array without elements.
  if (!failure && traits_.reads_array && arrays_ == 0) {
    failure = OwnFailure("ERR_PARAMETERS", "carray(?) needs an array among params, for example [[1, 2, 3]]");
    failure->sql = sql_;
  }
  return failure;
}

std::optional<Failure> Statement::BindListed(EntryReader& entries, int count) {
  if (count != parameter_count_) {
    Failure failure =
        OwnFailure("ERR_PARAMETERS", "the statement has " + std::to_string(parameter_count_) +
                                         " parameters, params has " + std::to_string(count) + " values");
    failure.sql = sql_;
    return failure;
  }
  for (int index = 1; index <= count; ++index) {
    if (auto failure = BindOne(index, entries)) return failure;
  }
  return std::nullopt;
}

std::optional<Failure> Statement::BindNamed(EntryReader& entries, int count) {
  std::vector<bool> bound(static_cast<size_t>(parameter_count_) + 1);
  for (int i = 0; i < count; ++i) {
    const std::string_view name = entries.Text();
    const int index = IndexOf(name);
    const bool twice = index > 0 && bound[static_cast<size_t>(index)];
    if (index == 0 || twice) {
      Failure failure = OwnFailure("ERR_PARAMETERS", "params." + std::string(name) +
                                                         (twice ? " is given twice, bare and with its prefix"
                                                                : " is no parameter of the statement"));
      failure.sql = sql_;
      return failure;
    }
    bound[static_cast<size_t>(index)] = true;
    if (auto failure = BindOne(index, entries)) return failure;
  }
  for (int index = 1; index <= parameter_count_; ++index) {
    if (bound[static_cast<size_t>(index)]) continue;
    const char* name = sqlite3_bind_parameter_name(handle_, index);
    // Numbered parameters may leave gaps: `?3` alone makes three of them, of which two can't be named.
    if (name == nullptr && count == 0) continue;
    Failure failure =
        OwnFailure("ERR_PARAMETERS", name != nullptr ? std::string("params has no value for ") + name
                                                     : "parameter " + std::to_string(index) +
                                                           " has no name: pass params as an array");
    failure.sql = sql_;
    return failure;
  }
  return std::nullopt;
}

int Statement::IndexOf(std::string_view name) const {
  std::string wanted(name);
  if (wanted.empty() || wanted.find('\0') != std::string::npos) return 0;
  if (const int index = sqlite3_bind_parameter_index(handle_, wanted.c_str())) return index;
  for (const char prefix : {':', '@', '$'}) {
    if (const int index = sqlite3_bind_parameter_index(handle_, (prefix + wanted).c_str())) return index;
  }
  return 0;
}

std::optional<Failure> Statement::BindOne(int index, EntryReader& entries) {
  const Value value = entries.Next();
  int rc = SQLITE_OK;
  switch (value.tag) {
    case Tag::kInteger:
    case Tag::kInt64:
      rc = sqlite3_bind_int64(handle_, index, value.integer);
      break;
    case Tag::kReal:
      rc = sqlite3_bind_double(handle_, index, value.real);
      break;
    case Tag::kText:
    case Tag::kShared:
      rc = sqlite3_bind_text64(handle_, index, value.bytes.data(), value.bytes.size(), SQLITE_STATIC,
                               SQLITE_UTF8);
      break;
    case Tag::kBlob:
      // An empty blob needs an address, or it would be NULL (sqlite.org/c3ref/bind_blob.html).
      rc = value.bytes.empty()
               ? sqlite3_bind_zeroblob(handle_, index, 0)
               : sqlite3_bind_blob64(handle_, index, value.bytes.data(), value.bytes.size(), SQLITE_STATIC);
      break;
    case Tag::kArray:
      if (!traits_.reads_array) {  // elsewhere SQLite would take it for NULL
        Failure failure =
            OwnFailure("ERR_PARAMETERS", "an array can only be bound to carray(?): write IN carray(?)");
        failure.sql = sql_;
        return failure;
      }
      ++arrays_;
      rc = BindArray(handle_, index, entries, static_cast<int>(value.integer));
      break;
    default:
      rc = sqlite3_bind_null(handle_, index);
  }
  if (rc != SQLITE_OK) return SqliteFailure(db_, rc, sql_);
  return std::nullopt;
}

void Statement::Reset() {
  sqlite3_reset(handle_);
  if (parameter_count_ > 0) sqlite3_clear_bindings(handle_);
}

int Statement::column_count() const { return sqlite3_column_count(handle_); }

const std::vector<std::string>& Statement::ColumnNames() {
  const int prepared = sqlite3_stmt_status(handle_, SQLITE_STMTSTATUS_REPREPARE, 0);
  if (prepared == names_of_prepare_) return column_names_;
  names_of_prepare_ = prepared;
  column_names_.clear();
  for (int column = 0; column < column_count(); ++column) {
    const char* name = sqlite3_column_name(handle_, column);
    std::string quoted;
    json::AppendString(quoted, name == nullptr ? std::string_view{} : std::string_view{name});
    column_names_.push_back(std::move(quoted));
  }
  return column_names_;
}

}  // namespace aiosqlite

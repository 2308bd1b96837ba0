// Worker thread. Owns one sqlite3_stmt.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/entries.h"
#include "engine/job.h"
#include "engine/sqlite/classify.h"

struct sqlite3;
struct sqlite3_stmt;

namespace aiosqlite {

class Statement {
 public:
  Statement(sqlite3* db, sqlite3_stmt* handle, StatementTraits traits, std::string sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds `count` values, or as many pairs of name and value. Every parameter exactly once, or
  // ERR_PARAMETERS. Texts and blobs are not copied: the entries must outlive the step.
  std::optional<Failure> Bind(EntryReader& entries, int count);
  // Makes it ready for the next use: resets, and lets go of what was bound.
  void Reset();

  sqlite3_stmt* handle() const { return handle_; }
  const StatementTraits& traits() const { return traits_; }
  const std::string& sql() const { return sql_; }
  // True once after it was prepared.
  bool TakeFresh() { return std::exchange(fresh_, false); }
  bool reads() const { return traits_.kind == StatementKind::kRead; }
  // Valid after the first step: a changed schema makes SQLite prepare anew
  // (sqlite.org/c3ref/column_count.html).
  int column_count() const;
  // The columns' names as JSON strings, refreshed after SQLite has prepared anew.
  const std::vector<std::string>& ColumnNames();

 private:
  std::optional<Failure> BindOne(int index, EntryReader& entries);
  std::optional<Failure> BindListed(EntryReader& entries, int count);
  std::optional<Failure> BindNamed(EntryReader& entries, int count);
  int IndexOf(std::string_view name) const;

  sqlite3* const db_;
  sqlite3_stmt* const handle_;
  const StatementTraits traits_;
  const std::string sql_;
  const int parameter_count_;
  int arrays_ = 0;  // arrays bound by the last Bind
  std::vector<std::string> column_names_;
  int names_of_prepare_ = -1;
  bool fresh_ = true;
};

}  // namespace aiosqlite

// Worker thread. Turns rows into what JavaScript decodes with little work: see row_writers.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/job.h"
#include "engine/rows/row_writers.h"
#include "engine/sqlite/statement.h"

namespace aiosqlite {

// Encodes the first rows as JSON, up to some 2 KB, and the others as packed cells: so one row is cheap, and
// so are a million.
class RowEncoder {
 public:
  RowEncoder(RowMode mode, IntegerMode integers, NameList json_columns);

  // Called once, at the first row or at the end: only then are the columns of the statement certain.
  std::optional<Failure> Begin(Statement& statement);
  // Adds the statement's current row.
  std::optional<Failure> Add(Statement& statement);
  // Moves the rows into `result`, and the names of the columns where JavaScript needs them.
  void Finish(Statement& statement, bool wants_columns, Result& result);

  // Bytes encoded so far.
  size_t size() const { return first_.size() + rest_.size(); }
  bool wants_rows() const { return mode_ != RowMode::kNone; }
  bool first_only() const { return mode_ == RowMode::kFirstObject || mode_ == RowMode::kFirstArray; }

 private:
  struct Column {
    std::string prefix;  // `"name":` in objects
    bool json = false;
    bool shadowed = false;  // an object keeps the last of two columns of one name
  };

  template <class Writer>
  std::optional<Failure> AddTo(Writer& writer, Statement& statement);
  template <class Writer>
  std::optional<Failure> AddInteger(Writer& writer, Statement& statement, int column);
  template <class Writer>
  std::optional<Failure> AddText(Writer& writer, Statement& statement, int column);

  const RowMode mode_;
  const IntegerMode integers_;
  const NameList json_columns_;
  const bool objects_;
  std::vector<Column> columns_;
  JsonRowWriter first_;
  PackedRowWriter rest_;
  uint64_t rows_ = 0;
};

}  // namespace aiosqlite

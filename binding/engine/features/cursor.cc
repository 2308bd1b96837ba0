#include "engine/features/cursor.h"

#include <sqlite3.h>

#include <utility>

#include "engine/rows/row_encoder.h"
#include "engine/sqlite/error.h"

namespace aiosqlite {
namespace {

// Bytes that end a batch before it has its number of rows, so that wide rows don't pile up.
constexpr size_t kBatchBytes = size_t{256} << 10;

}  // namespace

Cursor::Cursor(Database& database, Job& job)
    : Resource(job.lane),
      database_(database),
      hold_(database.hooks()),
      entries_(std::move(job.entries)),
      policy_(job.policy) {}

std::optional<Failure> Cursor::Open() {
  EntryReader entries(entries_);
  batch_size_ = entries.Int();
  head_ = QueryHead::Read(entries);
  std::optional<Failure> failure;
  // The rule for readers is left out: a write gets the same error on every connection, below.
  statement_ = database_.statements().PrepareOwn(head_.sql,
                                                 policy_ & static_cast<uint8_t>(~policy::kReadOnly), failure);
  if (failure) return failure;
  if (!statement_->reads()) {
    failure = OwnFailure("ERR_NOT_A_READ", "iterate() is for statements that only read");
    failure->sql = head_.sql;
    return failure;
  }
  return statement_->Bind(entries, head_.params);
}

std::optional<Failure> Cursor::Next(Outcome& outcome) {
  RowEncoder rows(head_.mode, database_.options().integer_mode, head_.json_columns);
  bool begun = false;
  database_.functions().exception = 0;
  for (int count = 0; !done_ && count < batch_size_ && rows.size() < kBatchBytes; ++count) {
    std::optional<Failure> failure;
    done_ = !database_.Step(*statement_, !std::exchange(stepped_, true), failure);
    if (!failure && !std::exchange(begun, true)) failure = rows.Begin(*statement_);
    if (failure) return failure;
    if (done_) {
      statement_->Reset();  // lets go of the snapshot
    } else {
      failure = rows.Add(*statement_);
      if (failure) return failure;
    }
  }
  outcome.done = done_;
  outcome.results.emplace_back();
  rows.Finish(*statement_, head_.wants_columns, outcome.results.back());
  return std::nullopt;
}

}  // namespace aiosqlite

#include "engine/features/cursor.h"

#include <sqlite3.h>

#include <utility>

#include "engine/sqlite/error.h"

namespace aiosqlite {
namespace {

// Beyond this a batch ends before its size is reached, so that wide rows don't pile up.
constexpr size_t kBatchBytes = size_t{256} << 10;

}  // namespace

Cursor::Cursor(Database& database, Job& job)
    : Resource(job.lane), database_(database), packet_(std::move(job.packet)), policy_(job.policy) {
  ++database_.open_cursors_;
}

Cursor::~Cursor() { --database_.open_cursors_; }

std::optional<Failure> Cursor::Open() {
  PacketReader packet(packet_);
  batch_size_ = packet.Int();
  head_ = QueryHead::Read(packet);
  std::optional<Failure> failure;
  // Not as a reader: whoever it is, a write gets the same answer, below.
  statement_ = database_.PrepareOwn(head_.sql, policy_ & static_cast<uint8_t>(~policy::kReadOnly), failure);
  if (failure) return failure;
  if (!statement_->reads()) {
    failure = OwnFailure("ERR_NOT_A_READ", "iterate() is for statements that only read");
    failure->sql = head_.sql;
    return failure;
  }
  return statement_->Bind(packet, head_.params);
}

std::optional<Failure> Cursor::Next(Outcome& outcome) {
  RowEncoder rows(head_.mode, database_.options_.integer_mode, head_.json_columns);
  bool begun = false;
  database_.functions_.exception = 0;
  for (int count = 0; !done_ && count < batch_size_ && rows.size() < kBatchBytes; ++count) {
    const int rc = database_.Step(*statement_, !std::exchange(stepped_, true));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return database_.FailedStep(rc, head_.sql);
    if (database_.functions_.exception != 0)
      return database_.Undone(*statement_, database_.Failed(SQLITE_ERROR, statement_->sql()));
    if (!begun) {
      if (auto failure = rows.Begin(*statement_)) return failure;
      begun = true;
    }
    done_ = rc == SQLITE_DONE;
    if (done_) {
      statement_->Reset();  // lets go of the snapshot
    } else if (auto failure = rows.Add(*statement_)) {
      return failure;
    }
  }
  outcome.done = done_;
  outcome.results.emplace_back();
  rows.Finish(*statement_, head_.wants_columns, outcome.results.back());
  return std::nullopt;
}

}  // namespace aiosqlite

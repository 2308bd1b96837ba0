// Worker thread. Collects the changes of transactions and reports them after their commit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct sqlite3;

namespace aiosqlite {

// Collects through the update hook (sqlite.org/c3ref/update_hook.html): rowid tables alone, without the
// rows that REPLACE removes. A failed statement or a savepoint that is rolled back takes its changes out
// again.
class ChangeLog {
 public:
  void Report(sqlite3* db, bool report);
  bool reporting() const { return reporting_; }

  void Add(std::string table, int operation, int64_t rowid) {
    changes_.push_back({std::move(table), operation, rowid});
  }

  // ── around each statement ──
  size_t Mark() const { return changes_.size(); }
  void TakeBack(size_t mark);
  // A SAVEPOINT, RELEASE or ROLLBACK TO of that name has run: `operation` as the authorizer calls it.
  void OnSavepoint(std::string_view operation, std::string_view name);
  // The collected changes are committed.
  void OnCommitted();
  // The collected changes are rolled back.
  void OnRolledBack();

  // Changes committed since the last call, in JSON arrays of good size: `["table", "insert", rowid]`. The
  // rowid is a string if it is no safe integer.
  std::vector<std::string> TakeCommitted();

 private:
  struct Change {
    std::string table;
    int operation;
    int64_t rowid;
  };
  static void OnUpdate(void* self, int operation, const char* database, const char* table, long long rowid);

  bool reporting_ = false;
  std::vector<Change> changes_;
  std::vector<std::pair<std::string, size_t>> savepoints_;
  std::vector<std::string> committed_;
};

}  // namespace aiosqlite

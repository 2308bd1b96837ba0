// Worker thread. What transactions have changed, told once they have committed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct sqlite3;

namespace aiosqlite {

// Collects through the update hook (sqlite.org/c3ref/update_hook.html): rowid tables alone, without what
// REPLACE removes. What a failed statement or a savepoint takes back is taken out again.
class ChangeLog {
 public:
  // On or off.
  void Watch(sqlite3* db, bool watch);
  bool watching() const { return watching_; }

  void Add(std::string table, int operation, int64_t rowid) {
    changes_.push_back({std::move(table), operation, rowid});
  }

  // ── around each statement ──
  size_t Mark() const { return changes_.size(); }
  void TakeBack(size_t mark);
  // A SAVEPOINT, RELEASE or ROLLBACK TO of that name has run: `operation` as the authorizer calls it.
  void OnSavepoint(std::string_view operation, std::string_view name);
  // No transaction is open: what stands here is committed.
  void OnCommitted();
  // It has been rolled back.
  void OnRolledBack();

  // What has been committed since the last call: `["table", "insert", rowid]`, the rowid as a string if it is
  // no safe integer, in JSON arrays of good size. Empty if nothing has.
  std::vector<std::string> TakeCommitted();

 private:
  struct Change {
    std::string table;
    int operation;
    int64_t rowid;
  };
  static void OnUpdate(void* self, int operation, const char* database, const char* table, long long rowid);

  bool watching_ = false;
  std::vector<Change> changes_;
  std::vector<std::pair<std::string, size_t>> savepoints_;
  std::vector<std::string> committed_;
};

}  // namespace aiosqlite

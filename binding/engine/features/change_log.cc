#include "engine/features/change_log.h"

#include <sqlite3.h>

#include "engine/rows/json_text.h"
#include "engine/rows/number_text.h"

namespace aiosqlite {
namespace {

// A commit may change more rows than fit into one JavaScript string.
constexpr size_t kArrayBytes = size_t{1} << 20;

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sqlite3_strnicmp(a.data(), b.data(), static_cast<int>(a.size())) == 0;
}

const char* NameOf(int operation) {
  return operation == SQLITE_INSERT ? "insert" : operation == SQLITE_UPDATE ? "update" : "delete";
}

}  // namespace

void ChangeLog::Report(sqlite3* db, bool report) {
  reporting_ = report;
  sqlite3_update_hook(db, report ? &ChangeLog::OnUpdate : nullptr, this);
  OnRolledBack();
}

void ChangeLog::OnUpdate(void* self, int operation, const char*, const char* table, long long rowid) {
  static_cast<ChangeLog*>(self)->changes_.push_back({table, operation, rowid});
}

void ChangeLog::TakeBack(size_t mark) {
  if (changes_.size() > mark) changes_.resize(mark);
}

void ChangeLog::OnSavepoint(std::string_view operation, std::string_view name) {
  if (operation == "BEGIN") {
    savepoints_.emplace_back(name, changes_.size());
    return;
  }
  // The innermost of that name, and all within it.
  for (size_t i = savepoints_.size(); i-- > 0;) {
    if (!SameName(savepoints_[i].first, name)) continue;
    const bool rollback = operation == "ROLLBACK";
    if (rollback) TakeBack(savepoints_[i].second);
    savepoints_.resize(rollback ? i + 1 : i);
    return;
  }
}

void ChangeLog::OnCommitted() {
  savepoints_.clear();
  for (const Change& change : changes_) {
    if (committed_.empty() || committed_.back().size() >= kArrayBytes) {
      if (!committed_.empty()) committed_.back().push_back(']');
      committed_.emplace_back();
    }
    std::string& array = committed_.back();
    array.append(array.empty() ? "[[" : ",[");
    json::AppendString(array, change.table);
    array.append(",\"").append(NameOf(change.operation)).append("\",");
    const bool safe = json::IsSafeInteger(change.rowid);
    if (!safe) array.push_back('"');
    AppendInteger(array, change.rowid);
    if (!safe) array.push_back('"');
    array.push_back(']');
  }
  changes_.clear();
}

void ChangeLog::OnRolledBack() {
  savepoints_.clear();
  changes_.clear();
}

std::vector<std::string> ChangeLog::TakeCommitted() {
  if (!committed_.empty()) committed_.back().push_back(']');
  return std::exchange(committed_, {});
}

}  // namespace aiosqlite

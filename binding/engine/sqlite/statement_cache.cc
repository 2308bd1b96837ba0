#include "engine/sqlite/statement_cache.h"

#include <utility>

namespace aiosqlite {

StatementCache::Recent& StatementCache::RecentOf(std::string_view sql) {
  return recent_[(reinterpret_cast<uintptr_t>(sql.data()) >> 4) % kRecent];
}

Statement* StatementCache::Find(std::string_view sql) {
  Recent& recent = RecentOf(sql);
  // The address may be another text's by now: the text itself decides.
  if (recent.address != sql.data() || recent.size != sql.size() || (*recent.entry)->sql() != sql) {
    const auto found = by_sql_.find(sql);
    if (found == by_sql_.end()) return nullptr;
    recent = {sql.data(), sql.size(), found->second};
  }
  entries_.splice(entries_.begin(), entries_, recent.entry);
  return recent.entry->get();
}

Statement* StatementCache::Add(std::unique_ptr<Statement> statement) {
  // One beyond the capacity may stand: with a capacity of 0 the statement must still live while it runs.
  while (!entries_.empty() && entries_.size() >= (capacity_ == 0 ? 1 : capacity_)) {
    recent_ = {};
    by_sql_.erase(entries_.back()->sql());
    entries_.pop_back();
  }
  entries_.push_front(std::move(statement));
  by_sql_.emplace(entries_.front()->sql(), entries_.begin());
  counters_.size.store(static_cast<uint32_t>(entries_.size()), std::memory_order_relaxed);
  return entries_.front().get();
}

void StatementCache::CountUse(Statement& statement) {
  std::atomic<uint32_t>& counter = statement.TakeFresh() ? counters_.misses : counters_.hits;
  counter.fetch_add(1, std::memory_order_relaxed);
}

void StatementCache::Clear() {
  recent_ = {};
  by_sql_.clear();
  entries_.clear();
  counters_.size.store(0, std::memory_order_relaxed);
}

}  // namespace aiosqlite

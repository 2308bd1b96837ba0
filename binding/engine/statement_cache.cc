#include "engine/statement_cache.h"

#include <utility>

namespace aiosqlite {

Statement* StatementCache::Find(std::string_view sql) {
  const auto found = by_sql_.find(sql);
  if (found == by_sql_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->get();
}

Statement* StatementCache::Add(std::unique_ptr<Statement> statement) {
  // One beyond the capacity may stand: with a capacity of 0 the statement must still live while it runs.
  while (!entries_.empty() && entries_.size() >= (capacity_ == 0 ? 1 : capacity_)) {
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
  by_sql_.clear();
  entries_.clear();
  counters_.size.store(0, std::memory_order_relaxed);
}

}  // namespace aiosqlite

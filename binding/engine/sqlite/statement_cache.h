// Worker thread. Prepared statements by their SQL text, the least recently used goes first.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/sqlite/statement.h"

namespace aiosqlite {

// How a cache is doing: written by the worker, read by any thread.
struct StatementCounters {
  std::atomic<uint32_t> size{0};
  std::atomic<uint32_t> hits{0};
  std::atomic<uint32_t> misses{0};
};

class StatementCache {
 public:
  StatementCache(size_t capacity, StatementCounters& counters) : capacity_(capacity), counters_(counters) {}

  // Null if it is not there.
  Statement* Find(std::string_view sql);
  // Keeps the statement, at least until the next Add.
  Statement* Add(std::unique_ptr<Statement> statement);
  // A statement is used: a miss if it was prepared for this, a hit if it was there. Looking at it is not a
  // use.
  void CountUse(Statement& statement);
  void Clear();

 private:
  using Entries = std::list<std::unique_ptr<Statement>>;
  // Finds most shared texts by their address, with one comparison and without a hash. Each write looks up its
  // statements twice, and they are long.
  struct Recent {
    const char* address = nullptr;
    size_t size = 0;
    Entries::iterator entry;
  };
  static constexpr size_t kRecent = 64;

  Recent& RecentOf(std::string_view sql);

  const size_t capacity_;
  Entries entries_;                                                 // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_sql_;  // keys point into the statements
  std::array<Recent, kRecent> recent_{};                            // emptied when a statement goes
  StatementCounters& counters_;
};

}  // namespace aiosqlite

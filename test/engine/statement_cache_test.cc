// Prepared statements by their text.
#include "engine/sqlite/statement_cache.h"

#include "support.h"

namespace aiosqlite::test {
namespace {

std::unique_ptr<Statement> Named(const std::string& sql) {
  return std::make_unique<Statement>(nullptr, nullptr, StatementTraits{}, sql);
}

}  // namespace

TEST("a cache finds what was added, under the same text alone") {
  StatementCounters counters;
  StatementCache cache(4, counters);
  Statement* const one = cache.Add(Named("SELECT 1"));
  EXPECT(cache.Find("SELECT 1") == one);
  EXPECT(cache.Find("SELECT  1") == nullptr);
  EXPECT(cache.Find("select 1") == nullptr);
  EXPECT(counters.size == 1);
}

TEST("the least recently used goes first") {
  StatementCounters counters;
  StatementCache cache(2, counters);
  cache.Add(Named("a"));
  cache.Add(Named("b"));
  cache.Find("a");
  cache.Add(Named("c"));
  EXPECT(cache.Find("a") != nullptr);
  EXPECT(cache.Find("b") == nullptr);
  EXPECT(cache.Find("c") != nullptr);
  EXPECT(counters.size == 2);
}

TEST("with a capacity of 0 a statement lives until the next one") {
  StatementCounters counters;
  StatementCache cache(0, counters);
  EXPECT(cache.Add(Named("a"))->sql() == "a");
  EXPECT(cache.Add(Named("b"))->sql() == "b");
  EXPECT(cache.Find("a") == nullptr);
}

TEST("a use is a miss if the statement was prepared for it, else a hit; looking is no use") {
  StatementCounters counters;
  StatementCache cache(2, counters);
  Statement* const statement = cache.Add(Named("a"));
  cache.Find("a");
  cache.Find("nothing");
  EXPECT(counters.hits == 0 && counters.misses == 0);
  cache.CountUse(*statement);
  EXPECT(counters.hits == 0 && counters.misses == 1);
  cache.CountUse(*statement);
  EXPECT(counters.hits == 1 && counters.misses == 1);
}

TEST("a cleared cache is empty") {
  StatementCounters counters;
  StatementCache cache(2, counters);
  cache.Add(Named("a"));
  cache.Clear();
  EXPECT(cache.Find("a") == nullptr);
  EXPECT(counters.size == 0);
  cache.Add(Named("a"));
  EXPECT(counters.size == 1);
}

// Savepoints are statements too, and are prepared around the user's.
TEST("with a cache of 0, 1 or 2 statements every kind of job comes out right") {
  for (int capacity = 0; capacity <= 2; ++capacity) {
    for (const IntegerMode integers : {IntegerMode::kMixed, IntegerMode::kNumber}) {
      TempFile file;
      Settings settings;
      settings.statement_cache_size = capacity;
      settings.integer_mode = integers;
      Client client(file.path(), settings);
      client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY, x UNIQUE)");
      for (int round = 0; round < 3; ++round) {
        std::vector<JobPtr> jobs;
        for (int i = 0; i < 3; ++i) {
          const Query returning{"INSERT INTO t VALUES (NULL, ?) RETURNING x",
                                {"[1]"},
                                RowMode::kObject,
                                IfNone::kContinue,
                                {"x"},
                                true};
          jobs.push_back(Run(returning));
          jobs.push_back(Run("DELETE FROM t WHERE x = ?", {"[1]"}));
          jobs.push_back(Many("INSERT INTO t VALUES (NULL, ?)", {{round * 10 + i}, {round * 10 + i + 100}}));
          jobs.push_back(Batch({{"UPDATE t SET x = x"},
                                {"SELECT count(*) FROM t", {}, RowMode::kArray},
                                returning,
                                {"DELETE FROM t WHERE x = '[1]'"}}));
        }
        for (const Outcome& outcome : client.AwaitAll(client.SendAll(std::move(jobs))))
          EXPECT(CodeOf(outcome).empty());
        const LaneId lane = NewLane();
        client.Must(Begin(lane, BeginMode::kImmediate));
        client.Must(In(lane, Run("UPDATE t SET x = x + 1000 WHERE n = (SELECT min(n) FROM t)")));
        EXPECT(CodeOf(client.Do(In(lane, Batch({{"DELETE FROM t"}, {"SELECT broken"}})))) == "SQLITE_ERROR");
        client.Must(End(lane, EndMode::kCommit));
      }
      EXPECT(client.Rows("SELECT count(*) FROM t") == "[[18]]");
    }
  }
}

}  // namespace aiosqlite::test

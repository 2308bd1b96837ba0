// Two loops of fixed length, for callgrind to count: see bench/instructions.mjs.
#include <string>
#include <vector>

#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr int kCommits = 16;
constexpr int kAppendsPerCommit = 64;
constexpr int kReads = 10;

// Statements like those of the session store's append: a look-back for the id, an event, its session.
constexpr char kSchema[] = R"(
CREATE TABLE session (session_key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, state TEXT, update_time REAL,
  revision INTEGER);
CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, session_key INTEGER NOT NULL, id TEXT NOT NULL,
  invocation_id TEXT NOT NULL, author TEXT NOT NULL, actions BLOB NOT NULL, branch TEXT, timestamp REAL NOT NULL,
  content TEXT, partial INTEGER, error_code TEXT);
CREATE INDEX event_session ON event (session_key, seq, id))";
constexpr char kInsert[] =
    "INSERT OR REPLACE INTO event (seq, session_key, id, invocation_id, author, actions, branch, timestamp, "
    "content) "
    "VALUES ((SELECT e.seq FROM event AS e WHERE e.session_key = ?1 AND e.seq > ?2 AND e.id = ?3 LIMIT 1), "
    "?1, ?3, ?4, "
    "?5, CAST(?6 AS BLOB), ?7, ?8, ?9)";
constexpr char kUpdate[] =
    "UPDATE session AS s SET state = json_merge_shallow(state, ?), update_time = ?, revision = revision + 1 "
    "WHERE s.session_key = ?";

}  // namespace

TEST("loop: 1,024 appends in commits of 64") {
  Local local;
  const JobPtr schema = Script(kSchema);
  EXPECT(!local.runner().RunScript(*schema));
  for (int i = 1; i <= kAppendsPerCommit; ++i) {
    local.Rows({"INSERT INTO session (id, state, revision) VALUES (?, '{\"step\":0}', 0)", {i}});
  }
  const std::string content = R"({"role":"model","parts":[{"text":")" + std::string(300, 'x') + "\"}]}";
  for (int commit = 0; commit < kCommits; ++commit) {
    EXPECT(!local->Control("BEGIN IMMEDIATE"));
    for (int session = 1; session <= kAppendsPerCommit; ++session) {
      const std::string id = std::to_string(commit) + "-" + std::to_string(session);
      const JobPtr job = Batch(
          {{kInsert,
            {session, commit * kAppendsPerCommit, id, "e-" + id, "agent", "{}", nullptr, 2460000.5, content}},
           {kUpdate, {"{\"step\":1}", 2460000.5, session}, RowMode::kNone, IfNone::kRollback}});
      Outcome outcome;
      EXPECT(!local->Control("SAVEPOINT member"));
      EXPECT(!local.runner().RunBatch(*job, outcome));
      EXPECT(!local->Control("RELEASE member"));
    }
    EXPECT(!local->Control("COMMIT"));
  }
  EXPECT(local.Rows({"SELECT count(*) FROM event", {}, RowMode::kArray}) == "[[1024]]");
}

TEST("loop: 10,000 rows of 10 columns") {
  Local local;
  local.Rows(
      {"CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, description TEXT, price REAL, stock INTEGER, "
       "discontinued TEXT, weight REAL, visible INTEGER, status TEXT, data TEXT)"});
  local.Rows(
      {"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 1000) INSERT INTO item SELECT "
       "i, "
       "'name ' || i, 'some longer text with more words, é and 日本 ' || i, i * 1.37 + 0.01, i * 1000, NULL, "
       "i / 1013.0 + 0.5, i % 2, 'available', 'text number ' || i FROM n"});
  for (int i = 0; i < kReads; ++i) {
    const JobPtr job = Run({"SELECT * FROM item", {}, RowMode::kObject});
    Outcome outcome;
    EXPECT(!local.runner().Run(*job, outcome));
    EXPECT(outcome.results[0].rows == 1000);
  }
}

}  // namespace aiosqlite::test

// Two loops of fixed length, for callgrind to count: see bench/instructions.mjs.
#include <string>
#include <vector>

#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr int kCommits = 16;
constexpr int kAppendsPerCommit = 64;
constexpr int kReads = 10;

// Tables and statements as the session store has them: what an append of an event without a state delta
// sends.
constexpr char kSchema[] = R"(
CREATE TABLE adk_sessions (session_key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, app_name TEXT NOT NULL,
  user_id TEXT NOT NULL, state TEXT NOT NULL DEFAULT '{}', create_time REAL NOT NULL, update_time REAL NOT NULL,
  revision INTEGER NOT NULL DEFAULT 1, initial_state TEXT, UNIQUE (app_name, user_id, id));
CREATE TABLE adk_events (seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session_key INTEGER NOT NULL REFERENCES adk_sessions (session_key) ON DELETE CASCADE, id TEXT NOT NULL,
  session_id TEXT NOT NULL, app_name TEXT NOT NULL, user_id TEXT NOT NULL, invocation_id TEXT NOT NULL,
  author TEXT NOT NULL, actions BLOB NOT NULL, long_running_tool_ids_json TEXT, branch TEXT, timestamp REAL NOT NULL,
  content TEXT, grounding_metadata TEXT, custom_metadata TEXT, partial INTEGER, turn_complete INTEGER,
  interrupted INTEGER, error_code TEXT, error_message TEXT, extra TEXT);
CREATE TABLE adk_app_states (app_name TEXT PRIMARY KEY, state TEXT NOT NULL, update_time REAL NOT NULL);
CREATE TABLE adk_user_states (app_name TEXT, user_id TEXT, state TEXT NOT NULL, PRIMARY KEY (app_name, user_id));
CREATE INDEX adk_events_session_seq ON adk_events (session_key, seq, id);
CREATE INDEX adk_sessions_user_updated ON adk_sessions (app_name, user_id, update_time DESC, id);
CREATE INDEX adk_sessions_app_updated ON adk_sessions (app_name, update_time DESC, id);
CREATE INDEX adk_sessions_user_created ON adk_sessions (app_name, user_id, create_time DESC, id);
CREATE INDEX adk_sessions_app_created ON adk_sessions (app_name, create_time DESC, id))";
constexpr char kUpdate[] = R"(UPDATE "adk_sessions" AS s SET update_time = ?, revision = revision + 1
WHERE s.session_key = ? AND s.revision = ? AND s.app_name = ? AND s.user_id = ? AND s.id = ?)";
constexpr char kInsert[] = R"(
INSERT INTO "adk_events" (session_key, session_id, app_name, user_id, id, invocation_id, author,
  actions, long_running_tool_ids_json, branch, timestamp, content, grounding_metadata, custom_metadata, partial,
  turn_complete, interrupted, error_code, error_message, extra)
VALUES (iif((SELECT e.id FROM "adk_events" AS e WHERE e.session_key = ?1 ORDER BY e.seq DESC LIMIT 1) IS ?3, ?1, NULL),
  ?6, ?4, ?5, ?7, ?8, ?9, CAST(?10 AS BLOB), ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22))";

/// One append as a member of a group.
__attribute__((noinline)) void RunMember(Local& local, const Job& job) {
  EXPECT(local->statements().KindOf(job, false) == JobKind::kWrites);
  Outcome outcome;
  EXPECT(!local.runner().RunBatch(job, outcome));
  EXPECT(!local->has_outstanding_foreign_keys());
}

JobPtr Append(int session, int round) {
  const std::string key = std::to_string(session);
  const auto id_of = [&](int of) { return "0123456789-" + std::to_string(of) + "-" + key; };
  const std::string content = R"({"role":"model","parts":[{"text":")" + std::string(200, 'x') + "\"}]}";
  const Params event = {session,
                        nullptr,
                        round == 0 ? Param(nullptr) : Param(id_of(round - 1)),
                        "support",
                        "user-" + key,
                        "session-" + key,
                        id_of(round),
                        "e-0123456789012345",
                        "agent",
                        "{\"stateDelta\":{}}",
                        "[]",
                        nullptr,
                        2460000.5 + round,
                        content,
                        nullptr,
                        nullptr,
                        nullptr,
                        nullptr,
                        nullptr,
                        nullptr,
                        nullptr,
                        nullptr};
  return Batch({{kUpdate,
                 {2460000.5 + round, session, round + 1, "support", "user-" + key, "session-" + key},
                 RowMode::kArray,
                 IfNone::kRollback},
                {kInsert, event, RowMode::kArray}});
}

}  // namespace

TEST("loop: 1,024 appends in commits of 64") {
  Settings settings;
  settings.pragmas.emplace_back("PRAGMA foreign_keys = 1");
  TempFile file;
  Local local(file.path(), settings);
  const JobPtr schema = Script(kSchema);
  EXPECT(!local.runner().RunScript(*schema));
  for (int i = 1; i <= kAppendsPerCommit; ++i) {
    const std::string key = std::to_string(i);
    local.Rows(
        {"INSERT INTO adk_sessions (app_name, user_id, id, create_time, update_time) VALUES ('support', ?, "
         "?, 0, 0)",
         {"user-" + key, "session-" + key}});
  }
  for (int commit = 0; commit < kCommits; ++commit) {
    EXPECT(!local->Control("BEGIN IMMEDIATE"));
    for (int session = 1; session <= kAppendsPerCommit; ++session) {
      const JobPtr job = Append(session, commit);
      RunMember(local, *job);
    }
    EXPECT(!local->Control("COMMIT"));
  }
  EXPECT(local.Rows({"SELECT count(*), max(revision) FROM adk_events JOIN adk_sessions USING (session_key)",
                     {},
                     RowMode::kArray}) == "[[1024,17]]");
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

#include "fuzz_targets.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "engine/features/recorder.h"
#include "engine/rows/json_reader.h"
#include "engine/rows/json_text.h"
#include "engine/sqlite/sql_text.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

// A connection for all rounds of a target.
Local& Shared() {
  static Local local;
  return local;
}

// The only value of a query's only row, as JSON.
std::string Ask(const Query& query) {
  Outcome outcome;
  if (auto failure = Shared().Run(query, outcome)) return failure->code;
  return RowsOf(outcome);
}

bool IsValid(std::string_view text) {
  bool ascii = true;
  return json::IsValid(text, ascii);
}

// ── JSON ──

void RunJson(std::string_view bytes) {
  const std::string text(bytes);
  std::vector<json::Member> members;
  const bool object = json::ReadObject(bytes, members);
  if (IsValid(bytes)) {
    Require(Ask({"SELECT json_valid(?)", {text}, RowMode::kArray}) == "[[1]]", "SQLite finds it valid too");
    for (const json::Member& member : members) Require(IsValid(member.value), "a member is valid");
  } else {
    Require(!object, "what is no JSON is no object");
  }
  std::string quoted;
  json::AppendString(quoted, bytes);
  std::vector<json::Member> one;
  Require(!IsValid(quoted) || json::ReadObject("{" + quoted + ":0}", one), "a quoted text is a name");
  Require(one.empty() || one[0].key == bytes, "a text is what it was after quoting");
}

std::vector<std::string> JsonSeeds() {
  return {R"({"a":1,"b":[true,null,-1.5e+3],"c":{"d":"\u00e9\n\"x\""},"a":2})",
          R"(["\ud83d\ude00", ""])",
          "\"\xc3\xa9\xf0\x9f\x98\x80\"",
          "[[[[[]]]]]",
          "-0.0",
          "  {} "};
}

// Both halves are divided by the first U+0001.
void RunMerge(std::string_view bytes) {
  const size_t middle = std::min(bytes.find('\1'), bytes.size());
  const std::string target(bytes.substr(0, middle));
  const std::string delta(bytes.substr(std::min(middle + 1, bytes.size())));
  Outcome outcome;
  const auto failure = Shared().Run({"SELECT json_merge_shallow(?, ?)",
                                     {target, delta},
                                     RowMode::kArray,
                                     IfNone::kContinue,
                                     {"json_merge_shallow(?, ?)"}},
                                    outcome);
  std::vector<json::Member> members;
  const bool objects = json::ReadObject(target, members) && json::ReadObject(delta, members);
  // With jsonColumns the result is validated too.
  Require(objects == !failure, "two objects have a merged one that is valid");
}

std::vector<std::string> MergeSeeds() {
  return {"{\"a\":1,\"b\":2}\1{\"b\":3,\"c\":{}}", "{}\1{}", "{\"\\u0061\":1}\1{\"a\":2,\"a\":3}",
          "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1}\1{\"9\":[]}"};
}

// ── SQL ──

void RunSql(std::string_view bytes) {
  const std::string_view text = sql_text::SkipBlank(bytes);
  const std::string_view rest = sql_text::AfterFirst(text);
  Require(text.size() <= bytes.size() && rest.size() <= text.size(), "what is left is a part of it");
  Require(text.empty() || text.data() + text.size() == bytes.data() + bytes.size(), "it is its end");
  Require(sql_text::SkipBlank(text).size() == text.size(), "what is skipped is skipped at once");
  sql_text::StartsWith(text, "pragma");
  // Prepared as a user's text is: it must come to a failure or to rows.
  Job job;
  job.deadline = Clock::now() + milliseconds(100);
  job.policy = policy::kNoSettings | policy::kNoTransactionControl | policy::kReadOnly;
  Shared().running().Set({&job});
  std::optional<Failure> failure;
  Shared()->statements().Prepare(bytes, job.policy, failure);
  Shared().running().Set({});
}

std::vector<std::string> SqlSeeds() {
  return {"SELECT 1",
          " ; /* a */ -- b\n SELECT 'x;y', \"z\" ; SELECT 2",
          "PRAGMA user_version = 5; SELECT 1",
          "WITH RECURSIVE r(i) AS (SELECT 1) SELECT * FROM r WHERE i = :a OR i = ?5",
          "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END",
          "EXPLAIN QUERY PLAN SELECT 1"};
}

// ── files ──

constexpr char kTables[] =
    "CREATE TABLE sessions (key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, state TEXT NOT NULL);"
    "CREATE UNIQUE INDEX by_id ON sessions (id);"
    "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, session_key INTEGER NOT NULL REFERENCES "
    "sessions"
    " (key) ON DELETE CASCADE, id TEXT NOT NULL, event TEXT);"
    "CREATE INDEX by_session ON events (session_key, seq, id);"
    "CREATE TRIGGER counts AFTER INSERT ON events BEGIN UPDATE sessions SET state = state WHERE key = "
    "new.session_key; END;";

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A file as it comes from anywhere, and what a store does with it.
void RunFile(std::string_view bytes) {
  const TempFile file;
  file.Write(std::string(bytes));
  Queue queue{Queue::Limits{}};
  const std::atomic<bool> never{false};
  RunningJobs running{queue, never, never};
  StatementCounters counters;
  Settings settings;
  settings.journal_mode = "";
  settings.busy_timeout_ms = 0;
  const JobPtr open = Open(file.path(), settings);
  EntryReader entries(open->entries);
  Database database(OpenOptions::Read(entries), running, counters, nullptr);
  Job limit;
  limit.deadline = Clock::now() + milliseconds(300);  // a view of it may have no end
  running.Set({&limit});
  std::string journal_mode;
  if (database.Open(journal_mode)) return;
  Runner runner(database);
  for (const char* sql :
       {"PRAGMA integrity_check", "SELECT * FROM events ORDER BY seq DESC LIMIT 50",
        "SELECT e.event FROM sessions s JOIN events e ON e.session_key = s.key WHERE s.id = 's1'",
        "INSERT INTO sessions (id, state) VALUES ('new', '{}')",
        "INSERT INTO events (session_key, id, event) SELECT key, 'e', '{}' FROM sessions LIMIT 3",
        "UPDATE sessions SET state = json_merge_shallow(state, '{\"a\":1}')",
        "DELETE FROM sessions WHERE id = 's2'", "SELECT count(*), max(length(event)) FROM events"}) {
    const JobPtr job = Run({sql, {}, RowMode::kArray});
    job->deadline = limit.deadline;
    running.Set({job.get()});
    Outcome outcome;
    runner.Run(*job, outcome);
  }
  running.Set({});
}

std::vector<std::string> FileSeeds() {
  std::vector<std::string> seeds;
  for (const char* page_size : {"512", "4096"}) {
    const TempFile file;
    Settings settings;
    settings.journal_mode = "";
    settings.pragmas = {std::string("PRAGMA page_size = ") + page_size};
    Local local(file.path(), settings);
    Outcome outcome;
    local.runner().RunScript(*Script(kTables));
    for (int i = 0; i < 8; ++i) {
      local.Rows({"INSERT INTO sessions (id, state) VALUES (?, '{\"k\":[1,2]}')", {"s" + std::to_string(i)}});
      local.Rows({"INSERT INTO events (session_key, id, event) VALUES (?, 'e', ?)",
                  {1, std::string(static_cast<size_t>(i) * 200, 'x')}});
    }
    seeds.push_back(BytesOf(file.path()));
  }
  return seeds;
}

// ── changesets ──

constexpr char kRecorded[] =
    "CREATE TABLE t (k INTEGER PRIMARY KEY, x, y); INSERT INTO t VALUES (1, 'a', 2.5), (2, x'00', NULL)";

void RunChangeset(std::string_view bytes) {
  static Local local;
  static const bool made = !local.runner().RunScript(*Script(kRecorded));
  Require(made, "the table is there");
  std::string inverted;
  if (InvertChangeset(std::string(bytes), inverted)) {
    std::string again;
    InvertChangeset(inverted, again);
  }
  const int policy = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.back()) % 3;
  const JobPtr job = test::Ask(Request::kApplyChangeset, {Blob{std::string(bytes)}, policy, 0});
  Outcome outcome;
  local->Control("BEGIN");
  ApplyChangeset(*local, *job);
  local->Control("ROLLBACK");
}

std::vector<std::string> ChangesetSeeds() {
  std::vector<std::string> seeds;
  Client client(":memory:");
  client.Exec(kRecorded);
  for (const char* change :
       {"INSERT INTO t VALUES (3, 'new', 7)", "UPDATE t SET x = 'changed', y = 1 WHERE k = 1",
        "DELETE FROM t WHERE k = 2", "REPLACE INTO t VALUES (1, 'b', 9), (5, NULL, x'0102')"}) {
    const Outcome opened = client.Must(test::Ask(Request::kOpenRecorder, {0}));
    const int recorder = static_cast<int>(opened.id);
    client.Must(Run(change));
    for (const int patchset : {0, 1}) {
      const Outcome read = client.Must(test::Ask(Request::kReadRecorder, {recorder, patchset}));
      seeds.push_back(read.results[0].first.bytes);
    }
    client.Must(test::Ask(Request::kCloseResource, {recorder}));
  }
  return seeds;
}

}  // namespace

const std::vector<FuzzTarget>& FuzzTargets() {
  static const std::vector<FuzzTarget> targets = {{"json", &RunJson, &JsonSeeds},
                                                  {"merge", &RunMerge, &MergeSeeds},
                                                  {"sql", &RunSql, &SqlSeeds},
                                                  {"file", &RunFile, &FileSeeds},
                                                  {"changeset", &RunChangeset, &ChangesetSeeds}};
  return targets;
}

}  // namespace aiosqlite::test

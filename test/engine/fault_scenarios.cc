#include "fault_scenarios.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace aiosqlite::test {
namespace {

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteBytes(const std::string& path, const std::string& bytes) {
  if (bytes.empty()) return;
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

Settings Durable(const std::string& journal_mode, const std::vector<std::string>& pragmas = {}) {
  Settings settings;
  settings.journal_mode = journal_mode;
  settings.busy_timeout_ms = 0;
  settings.pragmas = {"PRAGMA synchronous = FULL"};
  settings.pragmas.insert(settings.pragmas.end(), pragmas.begin(), pragmas.end());
  return settings;
}

// ── what a scenario begins with ──

Image Nothing() { return {}; }

// Rows 1 to 40, in a file that was closed.
Image FortyRows(const std::string& journal_mode) {
  const TempFile file;
  {
    Client client(file.path(), Durable(journal_mode));
    client.Exec(kFaultSchema);
    for (int row = 1; row <= 40; ++row) client.Must(Run(InsertRow(row)));
    client.Must(Close());
  }
  return Image::Of(file.path());
}

Image InWal() { return FortyRows("wal"); }
Image InJournal() { return FortyRows("delete"); }

// Left by a process that died: the rows are in the WAL, and no checkpoint has moved them yet.
Image UnfinishedWal() {
  const TempFile file;
  Client client(file.path(), Durable("wal", {"PRAGMA wal_autocheckpoint = 0"}));
  client.Exec(kFaultSchema);
  for (int row = 1; row <= 40; ++row) client.Must(Run(InsertRow(row)));
  Image image = Image::Of(file.path());
  EXPECT(image.wal.size() > 100'000);
  return image;
}

// Left by a process that died in a transaction, after parts of it had got into the file: the journal undoes
// them.
Image HotJournal() {
  const TempFile file;
  InJournal().WriteTo(file.path());
  Client client(file.path(), Durable("delete", {"PRAGMA cache_size = 3", "PRAGMA cache_spill = 1"}));
  client.Exec("BEGIN; UPDATE t SET x = x || 'changed'");
  Image image = Image::Of(file.path());
  EXPECT(image.journal.size() > 10'000);
  return image;
}

// ── what happens to it ──

void Create(FaultSession& session) {
  Client* const client = session.Open();
  if (session.Do(client, Script(kFaultSchema))) session.Do(client, Run(InsertRow(101)), {101});
  session.Close(client);
}

// Reads what is there: its rows count as acknowledged.
void KnowsForty(FaultSession& session) {
  for (int row = 1; row <= 40; ++row) session.Acknowledge({row});
}

std::vector<Work> GroupOf(int first) {
  std::vector<Work> works;
  works.push_back({Run(InsertRow(first)), {first}});
  works.push_back({Batch({InsertRow(first + 1), {"SELECT count(*) FROM t"}, InsertRow(first + 2)}),
                   {first + 1, first + 2}});
  works.push_back({Run("INSERT INTO t VALUES (1, 'there already')"), {}});
  works.push_back(
      {Many("INSERT INTO t VALUES (?, ?)", {{first + 3, TextOf(first + 3)}, {first + 4, TextOf(first + 4)}}),
       {first + 3, first + 4}});
  works.push_back({Run(InsertRow(first + 5)), {first + 5}});
  return works;
}

void Groups(FaultSession& session) {
  KnowsForty(session);
  Client* const one = session.Open();
  Client* const other = session.Open();
  session.Do(one, GroupOf(100));
  session.Do(other, GroupOf(110));
  session.Do(one, GroupOf(120));
}

void Transactions(FaultSession& session) {
  KnowsForty(session);
  Client* const client = session.Open();
  for (int first = 200; first < 230; first += 10) {
    const LaneId lane = NewLane();
    if (session.Ask(client, Begin(lane, BeginMode::kImmediate)).failure) continue;
    std::vector<int> rows;
    for (int row = first; row < first + 3; ++row) {
      if (!session.Ask(client, In(lane, Run(InsertRow(row)))).failure) rows.push_back(row);
    }
    const LaneId inner = NewLane();
    if (!session.Ask(client, In(lane, Begin(inner, BeginMode::kSavepoint))).failure) {
      session.Ask(client, In(inner, Run(InsertRow(first + 4))));
      session.Ask(client, End(inner, EndMode::kRollback));
    }
    const bool commits = first != 210;
    const Outcome end = session.Ask(client, End(lane, commits ? EndMode::kCommit : EndMode::kRollback));
    if (commits && end.failure) session.Reject(rows);
    if (commits && !end.failure) session.Acknowledge(rows);
  }
}

// More than the page cache holds, so that pages get into the file before the commit.
void Spill(FaultSession& session) {
  KnowsForty(session);
  Client* const client = session.Open();
  std::vector<Query> queries;
  std::vector<int> rows;
  for (int row = 301; row < 400; row += 7) {  // some of them long
    rows.push_back(row);
    queries.push_back(InsertRow(row));
  }
  session.Do(client, Batch(queries), rows);
  session.Do(client, Run("UPDATE t SET x = x WHERE n < 40"));
}

void Read(FaultSession& session) {
  KnowsForty(session);
  Client* const reader = session.Open();
  Client* const writer = session.Open();
  JobPtr open = OpenCursor(9, {"SELECT n, length(x) FROM t ORDER BY n", {}, RowMode::kArray});
  const int cursor = static_cast<int>(open->id);
  Outcome outcome = session.Ask(reader, std::move(open));
  session.Do(writer, Run(InsertRow(500)), {500});
  while (!outcome.failure && !outcome.done)
    outcome = session.Ask(reader, test::Ask(Request::kNextCursor, {cursor}));
  session.Ask(reader, All("SELECT sum(length(x)) FROM t"));
}

void OnlyRead(FaultSession& session) {
  KnowsForty(session);
  Client* const reader = session.Open();
  session.Ask(reader, All("SELECT n, length(x) FROM t ORDER BY n"));
  session.Ask(reader, All("SELECT sum(length(x)) FROM t WHERE n > 20"));
}

void Checkpoints(FaultSession& session) {
  KnowsForty(session);
  Client* const client = session.Open();
  for (int row = 600; row < 606; ++row) session.Do(client, Run(InsertRow(row)), {row});
  session.Ask(client, All("PRAGMA wal_checkpoint(TRUNCATE)"));
  session.Do(client, Run(InsertRow(610)), {610});
}

void Closes(FaultSession& session) {
  KnowsForty(session);
  Client* const one = session.Open();
  Client* const other = session.Open();
  session.Do(one, Run(InsertRow(700)), {700});
  session.Do(other, Run(InsertRow(701)), {701});
  EXPECT(session.Close(one).empty());
  EXPECT(session.Close(other).empty());
}

void BacksUp(FaultSession& session) {
  KnowsForty(session);
  const std::string copy = session.file() + "-journal.copy";
  Client* const client = session.Open();
  JobPtr open = test::Ask(Request::kOpenBackup, {copy, 0});
  const int backup = static_cast<int>(open->id);
  Outcome outcome = session.Ask(client, std::move(open));
  while (!outcome.failure && !outcome.done)
    outcome = session.Ask(client, test::Ask(Request::kStepBackup, {backup, 8}));
  session.Do(client, Run(InsertRow(800)), {800});
  session.Ask(client, test::Ask(Request::kCloseResource, {backup}));
  session.Afterwards([copy, done = outcome.done] {
    if (done) {
      // A backup that reported success is a database with the rows of its source.
      Client check(copy);
      EXPECT(check.Rows("SELECT count(*) FROM t") == "[[40]]");
      EXPECT(check.Rows("PRAGMA integrity_check") == R"([["ok"]])");
    }
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"})
      std::filesystem::remove(copy + suffix, ignored);
  });
}

void Changes(FaultSession& session) {
  KnowsForty(session);
  Client* const client = session.Open();
  session.Do(client, Script("CREATE INDEX i ON t (x)"));
  session.Do(client, Run(InsertRow(900)), {900});
  session.Do(client, Script("VACUUM"));
  session.Do(client, Script("DROP INDEX IF EXISTS i; ANALYZE"));
}

// An image that is handed out is sound: SQLite leaves zeros where it could not read.
void SerializesSoundly(FaultSession& session, Client* client) {
  const Outcome outcome = session.Ask(client, test::Ask(Request::kSerialize, {}));
  if (outcome.failure) return;
  session.Afterwards([image = outcome.results[0].first.bytes] {
    const TempFile copy;
    Image{image, {}, {}}.WriteTo(copy.path());
    Client check(copy.path());
    EXPECT(check.Rows("SELECT count(*) FROM t WHERE n < 41") == "[[40]]");
    EXPECT(check.Rows("PRAGMA integrity_check") == R"([["ok"]])");
  });
}

// Whatever else allocates: functions, collations, blobs, recorders, what is asked of a connection.
void Values(FaultSession& session) {
  KnowsForty(session);
  static Functions functions({{1,
                               [](HostCall& call) {
                                 call.result.AddText(call.arguments.empty() ? "" : call.arguments[0].bytes);
                                 return true;
                               }},
                              {2, [](HostCall& call) {
                                 call.result.AddNumber(call.arguments.empty() ? 0 : 1);
                                 return true;
                               }}});
  Client* const client = session.Open(&functions);
  const bool defined =
      session.Do(client, Define(0, "echo", 1, 1)) && session.Do(client, Define(1, "any_of", 1, 2)) &&
      session.Do(client, Define(2, "any_so_far", 1, 2)) && session.Do(client, Define(3, "as_it_comes", 2, 2));
  if (!defined) return;
  const Outcome recorder = session.Ask(client, test::Ask(Request::kOpenRecorder, {0}));
  const auto answers = [&](const std::string& sql, const std::string& rows) {
    const Outcome outcome = session.Ask(client, All(sql));
    EXPECT(outcome.failure || RowsOf(outcome) == rows);
  };
  session.Do(client, Run(InsertRow(1001)), {1001});
  answers("SELECT zeroblob(5000)", "[[null]]");
  answers("SELECT sum(echo(x) = x) FROM t WHERE n < 41", "[[40]]");
  answers("SELECT any_of(x) FROM t", "[[0]]");
  answers("SELECT any_so_far(n) OVER (ORDER BY n) FROM t LIMIT 1", "[[0]]");
  answers("SELECT n FROM t ORDER BY upper(x) COLLATE unicode_nocase, n LIMIT 1", "[[26]]");
  answers("SELECT length(group_concat(x)) > 9000 FROM t", "[[1]]");
  answers(R"(SELECT json_merge_shallow('{"a":1,"b":[2]}', '{"b":3}'))", R"([["{\"a\":1,\"b\":3}"]])");
  session.Ask(client, All("SELECT n FROM t ORDER BY x COLLATE as_it_comes LIMIT 1"));
  session.Ask(client, test::Ask(Request::kDescribe, {"SELECT n, x AS y FROM t"}));
  session.Ask(client, test::Ask(Request::kStatus, {}));
  SerializesSoundly(session, client);
  const Outcome blob = session.Ask(client, test::Ask(Request::kOpenBlob, {"main", "t", "x", int64_t{7}, 1}));
  if (!blob.failure) {
    const Outcome read =
        session.Ask(client, test::Ask(Request::kReadBlob, {static_cast<int>(blob.id), 100, 5}));
    EXPECT(read.failure || read.results[0].first.bytes == "hhhhh");
    session.Ask(client, test::Ask(Request::kWriteBlob, {static_cast<int>(blob.id), 100, Blob{"hhhhh"}}));
    session.Ask(client, test::Ask(Request::kCloseResource, {static_cast<int>(blob.id)}));
  }
  if (recorder.failure) return;
  const Outcome changeset =
      session.Ask(client, test::Ask(Request::kReadRecorder, {static_cast<int>(recorder.id), 0}));
  session.Ask(client, test::Ask(Request::kCloseResource, {static_cast<int>(recorder.id)}));
  if (changeset.failure) return;
  session.Ask(client, test::Ask(Request::kApplyChangeset, {Blob{changeset.results[0].first.bytes}, 1, 0}));
}

void Recovers(FaultSession& session) {
  KnowsForty(session);
  Client* const client = session.Open();
  session.Do(client, Run(InsertRow(950)), {950});
}

}  // namespace

Image Image::Of(const std::string& path) {
  return {BytesOf(path), BytesOf(path + "-wal"), BytesOf(path + "-journal")};
}

void Image::WriteTo(const std::string& path) const {
  WriteBytes(path, file);
  WriteBytes(path + "-wal", wal);
  WriteBytes(path + "-journal", journal);
}

const std::vector<FaultScenario>& FaultScenarios() {
  static const std::vector<FaultScenario> scenarios = {
      {"open and create", Durable("wal"), &Nothing, &Create},
      {"open and create, with a journal", Durable("delete"), &Nothing, &Create},
      {"group commit", Durable("wal"), &InWal, &Groups},
      {"group commit, with a journal", Durable("delete"), &InJournal, &Groups},
      {"group commit, with a truncated journal", Durable("truncate"), &InJournal, &Groups},
      {"group commit, with a persistent journal", Durable("persist"), &InJournal, &Groups},
      {"transactions", Durable("wal"), &InWal, &Transactions},
      {"transactions, with a journal", Durable("delete"), &InJournal, &Transactions},
      {"more than the cache holds", Durable("wal", {"PRAGMA cache_size = 3"}), &InWal, &Spill},
      {"more than the cache holds, with a journal", Durable("delete", {"PRAGMA cache_size = 3"}), &InJournal,
       &Spill},
      {"a cursor beside a writer", Durable("wal", {"PRAGMA cache_size = 3"}), &InWal, &Read},
      {"reading", Durable("wal", {"PRAGMA cache_size = 3"}), &InWal, &OnlyRead, true},
      {"checkpoints", Durable("wal", {"PRAGMA wal_autocheckpoint = 4"}), &InWal, &Checkpoints},
      {"closing", Durable("wal"), &InWal, &Closes},
      {"backup", Durable("wal"), &InWal, &BacksUp},
      {"indexes, VACUUM, ANALYZE", Durable("wal"), &InWal, &Changes},
      {"functions, blobs, changesets", Durable("wal"), &InWal, &Values},
      {"recovery of a WAL", Durable("wal"), &UnfinishedWal, &Recovers},
      {"recovery from a journal", Durable("delete"), &HotJournal, &Recovers},
  };
  return scenarios;
}

}  // namespace aiosqlite::test

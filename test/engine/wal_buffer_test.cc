// Frames of the WAL that are written together.
#include <atomic>

#include "faulty_vfs.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr char kSchema[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT NOT NULL)";
constexpr char kInsertMany[] =
    "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + 19) "
    "INSERT INTO t SELECT i, printf('%.1000c', 'x') FROM n";

bool IsWal(const Io& io) {
  const std::string path = io.path == nullptr ? "" : io.path;
  return path.size() > 4 && path.compare(path.size() - 4, 4, "-wal") == 0;
}

Settings With(const std::vector<std::string>& pragmas) {
  Settings settings;
  settings.pragmas = pragmas;
  return settings;
}

void Make(const std::string& path, int page_size) {
  Client client(path);
  client.Exec("PRAGMA journal_mode = DELETE; PRAGMA page_size = " + std::to_string(page_size) + "; VACUUM");
  client.Exec(kSchema);
}

// Rows after a crash: of a copy of the files, without the shared memory.
std::string AfterCrash(const std::string& path, const std::string& query) {
  const TempFile copy;
  copy.CopyAfterCrash(path);
  Client client(copy.path());
  EXPECT(client.Rows("PRAGMA integrity_check") == R"([["ok"]])");
  return client.Rows(query);
}

}  // namespace

TEST("a commit writes its frames to the WAL in one call, before its sync") {
  FaultyVfs vfs;
  const TempFile file;
  {
    Client client(file.path(), With({"PRAGMA synchronous = FULL"}));
    client.Exec(kSchema);
    client.Must(Run(kInsertMany, {1}));
    std::string calls;
    vfs.OnCall([&calls](const Io& io) {
      if (IsWal(io) && io.call == IoCall::kWrite) calls += 'w';
      if (IsWal(io) && io.call == IoCall::kSync) calls += 's';
      return Fault{};
    });
    client.Must(Run(kInsertMany, {21}));
    vfs.OnCall(nullptr);
    EXPECT(calls == "ws");
  }
}

TEST(
    "what a commit has written survives the process without a sync, whatever of its pages was written "
    "again") {
  for (const char* cache : {"PRAGMA cache_size = 5", "PRAGMA cache_size = -2000"}) {
    const TempFile file;
    Client client(file.path(), With({"PRAGMA synchronous = NORMAL", cache, "PRAGMA wal_autocheckpoint = 0"}));
    client.Exec(kSchema);
    std::vector<Query> queries;
    for (int first = 1; first < 400; first += 20) queries.push_back({kInsertMany, {first}});
    // With a small cache, these change pages that the transaction has written to the WAL already.
    queries.push_back({"UPDATE t SET text = upper(text) WHERE id % 7 = 0", {}});
    queries.push_back({"UPDATE t SET text = 'short' WHERE id % 50 = 0", {}});
    client.Must(Batch(queries));
    const std::string query = "SELECT count(*), sum(text GLOB 'X*'), sum(text = 'short') FROM t";
    EXPECT(client.Rows(query) == "[[400,56,8]]");
    EXPECT(AfterCrash(file.path(), query) == "[[400,56,8]]");
    client.Must(Run("DELETE FROM t WHERE id > 10"));
    EXPECT(AfterCrash(file.path(), "SELECT count(*) FROM t") == "[[10]]");
  }
}

TEST("a commit of any number of frames is in the WAL, with pages of any size") {
  for (const int page : {512, 1024, 2048, 4096, 8192, 16384, 32768, 65536}) {
    const TempFile file;
    Make(file.path(), page);
    Client client(file.path(), With({"PRAGMA synchronous = NORMAL", "PRAGMA wal_autocheckpoint = 0"}));
    // Up to some 130 frames where 128 KiB hold so many, else up to 40.
    for (int pages = 1; pages <= (page < 2048 ? 260 : 40); pages += page < 2048 ? 3 : 1) {
      client.Must(Run("INSERT OR REPLACE INTO t VALUES (1, printf('%.*c', ?1, 'x'))", {pages * page}));
      const std::string length = "[[" + std::to_string(pages * page) + "]]";
      EXPECT(AfterCrash(file.path(), "SELECT length(text) FROM t") == length);
    }
  }
}

TEST("nothing is held where SQLite pads commits to whole sectors") {
  const TempFile file;
  Make(file.path(), 512);
  const Settings settings = With({"PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 0"});
  Client client("file:" + file.path() + "?psow=0", settings);
  client.Must(Run("INSERT INTO t VALUES (1, '')"));
  Client other(file.path());
  for (int i = 0; i < 200; ++i) {
    client.Must(Run("UPDATE t SET text = printf('%.300d', ?1)", {i}));
    EXPECT(other.Rows("SELECT CAST(text AS INTEGER) FROM t") == "[[" + std::to_string(i) + "]]");
  }
}

TEST("a commit that finds the disk full leaves nothing that a crash or a later commit could bring back") {
  FaultyVfs vfs;
  const TempFile file;
  {
    Client client(file.path(), With({"PRAGMA synchronous = NORMAL", "PRAGMA wal_autocheckpoint = 0"}));
    client.Exec(kSchema);
    client.Must(Run(kInsertMany, {1}));
    std::atomic<bool> is_full = true;
    vfs.OnCall([&is_full](const Io& io) {
      return is_full && IsWal(io) && io.call == IoCall::kWrite ? Fault{13 /* SQLITE_FULL */} : Fault{};
    });
    EXPECT(CodeOf(client.Do(Run(kInsertMany, {21}))) == "SQLITE_FULL");
    is_full = false;
    EXPECT(client.Rows("SELECT count(*) FROM t") == "[[20]]");
    client.Exec("PRAGMA wal_checkpoint");  // syncs the WAL
    EXPECT(AfterCrash(file.path(), "SELECT max(id) FROM t") == "[[20]]");
    client.Must(Run("INSERT INTO t VALUES (1000, 'later')"));
    EXPECT(AfterCrash(file.path(), "SELECT count(*), max(id) FROM t") == "[[21,1000]]");
    vfs.OnCall(nullptr);
  }
}

TEST("a rollback leaves nothing that could be written over what another connection commits in its place") {
  const TempFile file;
  const Settings settings =
      With({"PRAGMA synchronous = NORMAL", "PRAGMA cache_size = 5", "PRAGMA wal_autocheckpoint = 0"});
  Client client(file.path(), settings);
  client.Exec(kSchema);
  client.Must(Run(kInsertMany, {1}));
  Client other(file.path(), settings);
  int rows = 20;
  for (const char* undo :
       {"ROLLBACK", "ROLLBACK TO inner; RELEASE inner; COMMIT", "INSERT INTO t VALUES (1, 'twice')"}) {
    // More pages than the cache has, and fewer than the other connection writes in their place.
    client.Exec("BEGIN; SAVEPOINT inner");
    for (const int first : {1001, 1021}) client.Must(Run(kInsertMany, {first}));
    if (std::string(undo).rfind("INSERT", 0) == 0) {
      EXPECT(CodeOf(client.Do(Run("INSERT OR ROLLBACK INTO t VALUES (1, 'twice')"))) ==
             "SQLITE_CONSTRAINT_PRIMARYKEY");
    } else {
      client.Exec(undo);
    }
    for (int i = 0; i < 6; ++i, rows += 20) other.Must(Run(kInsertMany, {rows + 1}));
    const std::string counted = "[[" + std::to_string(rows) + "]]";
    EXPECT(client.Rows("SELECT count(*) FROM t") == counted);
    client.Must(Run("UPDATE t SET text = lower(text) WHERE id % 11 = 0"));
    EXPECT(other.Rows("SELECT count(*) FROM t") == counted);
    EXPECT(other.Rows("PRAGMA integrity_check") == R"([["ok"]])");
    EXPECT(AfterCrash(file.path(), "SELECT count(*) FROM t") == counted);
  }
}

TEST("nothing is held in exclusive locking mode, whose locks SQLite does not let go") {
  const TempFile file;
  Client client(file.path(), With({"PRAGMA synchronous = NORMAL", "PRAGMA cache_size = 5"}));
  client.Exec(kSchema);
  client.Must(Run(kInsertMany, {1}));
  client.Exec("PRAGMA locking_mode = EXCLUSIVE");
  client.Must(Run(kInsertMany, {21}));
  client.Exec("BEGIN");
  for (const int first : {1001, 1021}) client.Must(Run(kInsertMany, {first}));
  client.Exec("ROLLBACK; PRAGMA locking_mode = NORMAL");
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[40]]");
  Client other(file.path(), With({"PRAGMA synchronous = NORMAL"}));
  for (int first = 41; first < 161; first += 20) other.Must(Run(kInsertMany, {first}));
  EXPECT(client.Rows("SELECT count(*), sum(length(text)) FROM t") == "[[160,160000]]");
  client.Must(Run(kInsertMany, {161}));
  EXPECT(other.Rows("SELECT count(*) FROM t") == "[[180]]");
  EXPECT(AfterCrash(file.path(), "SELECT count(*) FROM t") == "[[180]]");
}

}  // namespace aiosqlite::test

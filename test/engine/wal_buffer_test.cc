// Frames of the WAL that are written together.
#include <atomic>
#include <fstream>
#include <iterator>

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

void Copy(const std::string& from, const std::string& to) {
  std::ifstream source(from, std::ios::binary);
  std::ofstream(to, std::ios::binary) << std::string(std::istreambuf_iterator<char>(source), {});
}

// Rows that are there after a crash: of the files as they stand in the system now, without the shared memory.
std::string AfterCrash(const std::string& path, const std::string& query) {
  const TempFile copy;
  Copy(path, copy.path());
  Copy(path + "-wal", copy.path() + "-wal");
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

}  // namespace aiosqlite::test

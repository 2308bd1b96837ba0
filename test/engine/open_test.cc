// How a file is opened, and what is refused.
#include <algorithm>
#include <filesystem>
#include <thread>

#include "engine/sqlite/error.h"
#include "engine/sqlite/library.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

std::string OpenCode(const std::string& file, const Settings& settings = {}) {
  Client client(file, settings);
  return CodeOf(client.opened());
}

}  // namespace

TEST("the SQLite that is linked in is the one that this was built for, with every option") {
  EXPECT(CheckLibrary().empty());
  EXPECT(std::string(SqliteVersion()) == "3.53.4");
  EXPECT(SqliteCompileOptions().size() > 20);
}

TEST("a new file is in the journal mode that was asked for, and the outcome says what it is") {
  for (const char* mode : {"wal", "delete", "truncate", "memory"}) {
    TempFile file;
    Settings settings;
    settings.journal_mode = mode;
    Client client(file.path(), settings);
    EXPECT(client.opened().info == mode);
    EXPECT(client.Rows("PRAGMA journal_mode") == "[[\"" + std::string(mode) + "\"]]");
  }
  Client memory(":memory:");
  EXPECT(memory.opened().info == "memory");
}

TEST("a file keeps its journal mode where none is asked for") {
  TempFile file;
  {
    Client client(file.path());
  }
  Settings settings;
  settings.journal_mode = "";
  Client client(file.path(), settings);
  EXPECT(client.opened().info == "wal");
}

TEST("a file that must exist is not created; a read-only one is not written") {
  TempFile file;
  Settings settings;
  settings.must_exist = true;
  EXPECT(OpenCode(file.path(), settings) == "SQLITE_CANTOPEN");
  EXPECT(!std::filesystem::exists(file.path()));
  {
    Client client(file.path());
    client.Exec("CREATE TABLE t (n)");
  }
  settings = {};
  settings.readonly = true;
  Client client(file.path(), settings);
  EXPECT(CodeOf(client.Do(Run("INSERT INTO t VALUES (1)"))) == "SQLITE_READONLY");
  std::vector<JobPtr> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(Run("INSERT INTO t VALUES (1)"));
  for (const Outcome& outcome : client.AwaitAll(client.SendAll(std::move(jobs))))
    EXPECT(CodeOf(outcome) == "SQLITE_READONLY");
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[0]]");
}

TEST("a file that is no database fails when it is opened, not at the first query") {
  TempFile file;
  file.Write(std::string(4096, 'x'));
  Client client(file.path());
  EXPECT(CodeOf(client.opened()) == "SQLITE_NOTADB");
  EXPECT(client.opened().failure &&
         FailureOf(client.opened()).message.find(file.path()) != std::string::npos);
}

TEST("a folder is no database") {
  EXPECT(OpenCode(std::filesystem::temp_directory_path().string()).rfind("SQLITE_CANTOPEN", 0) == 0);
}

TEST("the profile is applied in its order, and a mistake in it fails the opening") {
  Settings settings;
  settings.pragmas = {"PRAGMA foreign_keys = 0", "PRAGMA cache_size = 123", "PRAGMA cache_size = 456"};
  Client client(":memory:", settings);
  EXPECT(client.Rows("PRAGMA cache_size") == "[[456]]");
  EXPECT(client.Rows("PRAGMA foreign_keys") == "[[0]]");
  settings.pragmas = {"PRAGMA nonsense nonsense"};
  EXPECT(OpenCode(":memory:", settings) == "SQLITE_ERROR");
}

TEST("hostile files do nothing: untrusted schema, defensive, no SQL that loads code") {
  Client client(":memory:");
  EXPECT(client.Rows("PRAGMA trusted_schema") == "[[0]]");
  EXPECT(client.Rows("PRAGMA cell_size_check") == "[[1]]");
  EXPECT(client.Rows("PRAGMA foreign_keys") == "[[1]]");
  EXPECT(client.Do(Run("SELECT load_extension('x')")).failure.has_value());
  client.Exec("CREATE TABLE t (n); PRAGMA writable_schema = ON");
  EXPECT(client.Do(Run("UPDATE sqlite_schema SET sql = 'x'")).failure.has_value());
}

#if !defined(_WIN32)
TEST("a new file is its owner's alone") {
  TempFile file;
  Client client(file.path());
  client.Exec("CREATE TABLE t (n)");
  using std::filesystem::perms;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const perms mode = std::filesystem::status(file.path() + suffix).permissions();
    EXPECT((mode & (perms::group_all | perms::others_all)) == perms::none);
  }
}
#endif

TEST("connections that create one file and switch it to WAL at the same moment all succeed") {
  for (int round = 0; round < 10; ++round) {
    TempFile file;
    std::vector<std::thread> threads;
    std::atomic<int> opened{0};
    threads.reserve(6);
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        Client client(file.path());
        if (client.opened().info == "wal" &&
            CodeOf(client.Do(Run("CREATE TABLE IF NOT EXISTS t (n)"))).empty())
          ++opened;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT(opened == 6);
  }
}

TEST("an opening that waits for a lock is ended by its termination") {
  TempFile file;
  Settings settings;
  settings.journal_mode = "delete";
  Client holder(file.path(), settings);
  holder.Exec("CREATE TABLE t (n); BEGIN EXCLUSIVE");
  Outcomes outcomes;
  const auto queue = std::make_shared<Queue>(Queue::Limits{});
  JobPtr open = Open(file.path(), settings);
  const JobId id = open->id;
  {
    Worker worker(1, queue, outcomes, std::move(open), kMainLane);
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT(!outcomes.Has(id));
  }
  EXPECT(CodeOf(outcomes.Await(id)) == "SQLITE_BUSY");
}

TEST("the WAL is moved into the file once it is long, and the outcome tells its length") {
  TempFile file;
  Settings settings;
  settings.pragmas = {"PRAGMA synchronous = OFF", "PRAGMA wal_autocheckpoint = 20"};
  Client client(file.path(), settings);
  client.Exec("CREATE TABLE t (x)");
  int longest = 0;
  for (int i = 0; i < 60; ++i) {
    const int pages = client.Must(Run("INSERT INTO t VALUES (zeroblob(5000))")).wal_pages;
    EXPECT(pages > 0);
    longest = std::max(longest, pages);
  }
  EXPECT(longest >= 20 && longest < 40);
  EXPECT(std::filesystem::file_size(file.path()) > 100000);
}

TEST("no checkpoint is tried inside a transaction, and the outcome still tells the WAL's length") {
  TempFile file;
  Settings settings;
  settings.pragmas = {"PRAGMA synchronous = OFF", "PRAGMA wal_autocheckpoint = 20"};
  Client client(file.path(), settings);
  client.Exec("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(200000)); BEGIN IMMEDIATE");
  EXPECT(client.Must(Run("SELECT 1")).wal_pages >= 20);
  client.Exec("COMMIT");
  EXPECT(client.Must(Run("SELECT 1")).wal_pages == 0);
}

TEST("the worker's stack is deep enough for what SQLite allows") {
  Client client(":memory:");
  std::string sums = "SELECT 1";
  for (int i = 1; i < 990; ++i) sums += "+1";
  EXPECT(client.Rows(sums) == "[[990]]");
  std::string compound = "SELECT 1 AS n";
  for (int i = 1; i < 500; ++i) compound += " UNION SELECT 1";
  EXPECT(client.Rows("SELECT count(*) FROM (" + compound + ")") == "[[1]]");
  const std::string nested = std::string(900, '[') + std::string(900, ']');
  EXPECT(client.Rows("SELECT length(json_set('" + nested + "', '$[0][0]', json('" + nested + "')))") ==
         "[[1804]]");
}

TEST("every extended result code has its name, and an unknown one that of its family") {
  EXPECT(std::string(ErrorName(2067)) == "SQLITE_CONSTRAINT_UNIQUE");
  EXPECT(std::string(ErrorName(517)) == "SQLITE_BUSY_SNAPSHOT");
  EXPECT(std::string(ErrorName(5)) == "SQLITE_BUSY");
  EXPECT(std::string(ErrorName(5 | (200 << 8))) == "SQLITE_BUSY");
  EXPECT(std::string(ErrorName(250)) == "SQLITE_ERROR");
}

TEST("a file whose schema has a very long text opens like any other") {
  TempFile file;
  Client(file.path()).Exec("CREATE VIEW v AS SELECT 1 AS x /*" + std::string(1'000'001, '-') + "*/");
  Client client(file.path());
  EXPECT(client.Rows("SELECT x FROM v") == "[[1]]");
}

}  // namespace aiosqlite::test

// Recorders and changesets.
#include "engine/features/recorder.h"

#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr char kTables[] =
    "CREATE TABLE t (k INTEGER PRIMARY KEY, x); CREATE TABLE u (k PRIMARY KEY, x) WITHOUT ROWID;"
    "INSERT INTO t VALUES (1, 'a'), (2, 'b')";
constexpr int kAbort = 0;
constexpr int kOmit = 1;
constexpr int kReplace = 2;

struct Fixture {
  Client from{":memory:"};
  Client to{":memory:"};
  Fixture() {
    from.Exec(kTables);
    to.Exec(kTables);
  }

  std::string Record(const std::string& script, const Params& tables = {0}) {
    const Outcome opened = from.Must(Ask(Request::kOpenRecorder, tables));
    const int recorder = static_cast<int>(opened.id);
    from.Exec(script);
    const Outcome read = from.Must(Ask(Request::kReadRecorder, {recorder, 0}));
    from.Must(Ask(Request::kCloseResource, {recorder}));
    return read.results[0].first.bytes;
  }
  std::string Apply(const std::string& changeset, int policy, const Params& tables = {0}) {
    Params entries{Blob{changeset}, policy};
    entries.insert(entries.end(), tables.begin(), tables.end());
    return CodeOf(to.Do(Ask(Request::kApplyChangeset, entries)));
  }
  std::string Rows() { return to.Rows("SELECT k, x FROM t ORDER BY k"); }
};

constexpr char kChanges[] =
    "INSERT INTO t VALUES (3, 'c'); UPDATE t SET x = 'z' WHERE k = 1; DELETE FROM t WHERE k = 2; INSERT INTO "
    "u "
    "VALUES ('k', 1)";

}  // namespace

TEST(
    "a changeset makes of another database what the recorded one has become, and its inverse takes it back") {
  Fixture f;
  const std::string changeset = f.Record(kChanges);
  EXPECT(f.Apply(changeset, kAbort).empty());
  EXPECT(f.Rows() == R"([[1,"z"],[3,"c"]])");
  EXPECT(f.to.Rows("SELECT count(*) FROM u") == "[[1]]");
  std::string inverted;
  EXPECT(InvertChangeset(changeset, inverted));
  EXPECT(f.Apply(inverted, kAbort).empty());
  EXPECT(f.Rows() == R"([[1,"a"],[2,"b"]])");
}

TEST("tables limit what is recorded, and what is applied") {
  Fixture f;
  EXPECT(f.Apply(f.Record(kChanges), kAbort, {1, "u"}).empty());
  EXPECT(f.Rows() == R"([[1,"a"],[2,"b"]])");
  EXPECT(f.to.Rows("SELECT count(*) FROM u") == "[[1]]");
  Fixture g;
  EXPECT(g.Apply(g.Record(kChanges, {1, "t"}), kAbort).empty());
  EXPECT(g.Rows() == R"([[1,"z"],[3,"c"]])");
  EXPECT(g.to.Rows("SELECT count(*) FROM u") == "[[0]]");
}

TEST("a conflict undoes all of it, is left out, or replaces what is there") {
  Fixture f;
  const std::string changeset = f.Record(kChanges);
  f.to.Exec("UPDATE t SET x = 'mine' WHERE k = 1");
  EXPECT(f.Apply(changeset, kAbort) == "SQLITE_ABORT");
  EXPECT(f.Rows() == R"([[1,"mine"],[2,"b"]])");
  EXPECT(f.Apply(changeset, kOmit).empty());
  EXPECT(f.Rows() == R"([[1,"mine"],[3,"c"]])");
  Fixture g;
  g.to.Exec("UPDATE t SET x = 'mine' WHERE k = 1");
  EXPECT(g.Apply(g.Record(kChanges), kReplace).empty());
  EXPECT(g.Rows() == R"([[1,"z"],[3,"c"]])");
}

TEST("what does not fit a table, or is no changeset, is refused and changes nothing") {
  Fixture f;
  const std::string changeset = f.Record(kChanges);
  f.to.Exec("DROP TABLE t; CREATE TABLE t (x, k PRIMARY KEY)");
  EXPECT(f.Apply(changeset, kOmit) == "SQLITE_SCHEMA");
  EXPECT(f.to.Rows("SELECT count(*) FROM u") == "[[0]]");
  EXPECT(f.Apply("no changeset", kOmit) == "SQLITE_CORRUPT");
  EXPECT(f.Apply(changeset.substr(0, changeset.size() - 3), kOmit) != "");
  std::string inverted;
  EXPECT(!InvertChangeset("no changeset", inverted));
}

TEST("a recorder that is open when its connection closes goes with it") {
  Client client(":memory:");
  client.Exec(kTables);
  client.Must(Ask(Request::kOpenRecorder, {0}));
  client.Exec("INSERT INTO t VALUES (9, 'x')");
  EXPECT(CodeOf(client.Do(Close())).empty());
}

}  // namespace aiosqlite::test

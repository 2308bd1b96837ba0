// SQL functions, aggregates and collations of the host language, without one.
#include "failing_allocator.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr int kScalar = 0;
constexpr int kAggregate = 1;
constexpr int kWindow = 2;
constexpr int kCollation = 3;

// Answers with its arguments' sum, as a number.
bool Sum(HostCall& call) {
  double sum = 0;
  for (const Value& value : call.arguments)
    sum += value.tag == Tag::kReal ? value.real : static_cast<double>(value.integer);
  call.result.AddReal(sum);
  return true;
}

bool Throws(HostCall& call) {
  call.exception = 77;
  return true;
}

bool GoesDown(HostCall&) { return false; }

// A sum that can take back, one per instance.
class Sums {
 public:
  bool operator()(HostCall& call) {
    double& sum = sums_[call.instance];
    if (call.operation == HostOperation::kStep) sum += static_cast<double>(call.arguments[0].integer);
    if (call.operation == HostOperation::kInverse) sum -= static_cast<double>(call.arguments[0].integer);
    if (call.operation == HostOperation::kValue || call.operation == HostOperation::kFinal)
      call.result.AddReal(sum);
    if (call.operation == HostOperation::kFinal || call.operation == HostOperation::kForget)
      sums_.erase(call.instance);
    return true;
  }
  size_t open() const { return sums_.size(); }

 private:
  std::map<uint32_t, double> sums_;
};

}  // namespace

TEST("a function gets its arguments as they are, and what it returns is a value of SQL") {
  std::vector<std::string> seen;
  Functions functions({{1, [&](HostCall& call) {
                          for (const Value& value : call.arguments)
                            seen.push_back(std::to_string(static_cast<int>(value.tag)) + ":" +
                                           std::string(value.bytes));
                          call.result.AddBlob(std::string_view("\0x", 2));
                          return true;
                        }}});
  Client client(":memory:", {}, &functions);
  client.Must(Define(kScalar, "f", -1, 1));
  EXPECT(client.Rows("SELECT hex(f(1, 2.5, 'a' || char(0) || 'b', x'00ff', NULL))") == R"([["0078"]])");
  EXPECT(seen.size() == 5 && seen[2] == std::string("3:a\0b", 5) && seen[3] == std::string("5:\0\xff", 4));
}

TEST("a group runs again only if a job has failed half-way") {
  EXPECT(OnOneOfManyTries([] {
    int calls = 0;
    Functions functions({{1, [&](HostCall& call) {
                            ++calls;
                            call.result.AddNumber(1);
                            return true;
                          }}});
    TempFile file;
    Client client(file.path(), {}, &functions);
    client.Exec("CREATE TABLE t (n UNIQUE); INSERT INTO t VALUES ('taken')");
    client.Must(Define(kScalar, "f", 0, 1));
    const auto jobs_with = [](JobPtr failing) {
      std::vector<JobPtr> jobs;
      jobs.push_back(Run("INSERT INTO t SELECT 'a' || f() || hex(randomblob(8))"));
      jobs.push_back(std::move(failing));
      jobs.push_back(Run("INSERT INTO t SELECT 'b' || f() || hex(randomblob(8))"));
      return jobs;
    };
    const auto half_way = [] {
      return Batch({{"INSERT INTO t VALUES ('half')"}, {"INSERT INTO t VALUES ('taken')"}});
    };
    // The failing job has changed nothing; something; something while each job has a savepoint.
    std::vector<int> expected = {2, 3, 2};
    for (int round = 0; round < 3; ++round) {
      calls = 0;
      JobPtr failing = round == 0
                           ? Batch({{"DELETE FROM t WHERE n = 'none'"}, {"INSERT INTO t VALUES ('taken')"}})
                           : half_way();
      const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(jobs_with(std::move(failing))));
      EXPECT(CodeOf(outcomes[0]).empty());
      EXPECT(CodeOf(outcomes[1]) == "SQLITE_CONSTRAINT_UNIQUE");
      EXPECT(CodeOf(outcomes[2]).empty());
      EXPECT(client.Rows("SELECT count(*) FROM t WHERE n = 'half'") == "[[0]]");
      if (outcomes[0].group_size != 3) return false;
      EXPECT(calls == expected[static_cast<size_t>(round)]);
    }
    return client.Rows("SELECT count(*) FROM t") == "[[7]]";
  }));
}

TEST("a function that throws fails its statement alone, and the connection goes on") {
  Functions functions({{1, &Throws}, {2, &Sum}, {3, &GoesDown}});
  TempFile file;
  Client client(file.path(), {}, &functions);
  client.Exec("CREATE TABLE t (n)");
  client.Must(Define(kScalar, "throws", 0, 1));
  client.Must(Define(kScalar, "sum_of", -1, 2));
  client.Must(Define(kScalar, "goes_down", 0, 3));
  std::vector<JobPtr> jobs;
  jobs.push_back(Run("INSERT INTO t VALUES (sum_of(1, 2))"));
  jobs.push_back(Run("INSERT INTO t VALUES (throws())"));
  jobs.push_back(Run("INSERT INTO t VALUES (goes_down())"));
  jobs.push_back(Run("INSERT INTO t VALUES (sum_of(3, 4))"));
  const std::vector<Outcome> outcomes = client.AwaitAll(client.SendAll(std::move(jobs)));
  EXPECT(CodeOf(outcomes[1]) == "ERR_FUNCTION" && FailureOf(outcomes[1]).exception == 77);
  EXPECT(CodeOf(outcomes[2]) == "SQLITE_ERROR");
  EXPECT(client.Rows("SELECT n FROM t ORDER BY n") == "[[3.0],[7.0]]" ||
         client.Rows("SELECT n FROM t ORDER BY n") == "[[3],[7]]");
}

TEST("aggregates keep a state per group, window functions take back, and nothing is left of either") {
  Sums sums;
  Functions functions({{1, std::ref(sums)}});
  Client client(":memory:", {}, &functions);
  client.Must(Define(kAggregate, "plus", 1, 1));
  client.Must(Define(kWindow, "moving", 1, 1));
  client.Exec("CREATE TABLE t (g, n); INSERT INTO t VALUES ('a', 1), ('b', 10), ('a', 2), ('b', 20)");
  EXPECT(client.Rows("SELECT g, CAST(plus(n) AS INTEGER) FROM t GROUP BY g ORDER BY g") ==
         R"([["a",3],["b",30]])");
  EXPECT(client.Rows("SELECT CAST(moving(n) OVER (ORDER BY n ROWS 1 PRECEDING) AS INTEGER) FROM t") ==
         "[[1],[3],[12],[30]]");
  EXPECT(client.Rows("SELECT CAST(plus(n) AS INTEGER) FROM t WHERE 0") == "[[0]]");
  EXPECT(sums.open() <= 1);  // an aggregate over no rows has no state of its own
}

TEST("a collation of the host orders texts, and one that throws changes nothing") {
  bool throws = false;
  Functions functions({{1, [&](HostCall& call) {
                          if (throws) return Throws(call);
                          // Backwards.
                          call.result.AddNumber(call.arguments[1].bytes.compare(call.arguments[0].bytes));
                          return true;
                        }}});
  Client client(":memory:", {}, &functions);
  client.Must(Define(kCollation, "backwards", 2, 1));
  client.Exec("CREATE TABLE t (x TEXT COLLATE backwards)");
  client.Exec("INSERT INTO t VALUES ('a'), ('c'), ('b')");
  EXPECT(client.Rows("SELECT x FROM t ORDER BY x") == R"([["c"],["b"],["a"]])");
  throws = true;
  EXPECT(CodeOf(client.Do(Run("DELETE FROM t WHERE x > 'b'"))) == "ERR_FUNCTION");
  throws = false;
  EXPECT(client.Rows("SELECT count(*) FROM t") == "[[3]]");
}

TEST("a function that is defined again is the new one, for statements that are prepared already too") {
  Functions functions({{1, [](HostCall& call) { return call.result.AddNumber(1), true; }},
                       {2, [](HostCall& call) { return call.result.AddNumber(2), true; }}});
  Client client(":memory:", {}, &functions);
  client.Must(Define(kScalar, "f", 0, 1));
  EXPECT(client.Rows("SELECT CAST(f() AS INTEGER)") == "[[1]]");
  client.Must(Define(kScalar, "f", 0, 2));
  EXPECT(client.Rows("SELECT CAST(f() AS INTEGER)") == "[[2]]");
}

// sqlite.org/c3ref/last_insert_rowid.html: an upsert that updates inserts no row. Told as SQLite has it,
// where the SQL text itself asks for the row before: there nothing can be set to 0 first.
TEST("an upsert that updates tells no rowid, unless its own text asks for last_insert_rowid()") {
  Client client(":memory:");
  client.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'a'), (7, 'b')");
  const Outcome updated =
      client.Must(Run("INSERT INTO t VALUES (1, 'c') ON CONFLICT DO UPDATE SET x = excluded.x"));
  EXPECT(updated.results[0].changes == 1 && updated.results[0].last_insert_rowid == 0);
  const Outcome asks = client.Must(
      Run("INSERT INTO t VALUES (1, last_insert_rowid()) ON CONFLICT DO UPDATE SET x = excluded.x"));
  EXPECT(asks.results[0].changes == 1 && asks.results[0].last_insert_rowid == 7);
  EXPECT(client.Rows("SELECT x FROM t WHERE n = 1") == "[[7]]");
}

TEST("a function is not called with a zeroblob that there is no memory for") {
  bool whole = true;
  Functions functions({{1, [&](HostCall& call) {
                          const std::string_view bytes = call.arguments[0].bytes;
                          whole &= bytes.data() != nullptr && bytes.size() == 100000;
                          return call.result.AddNumber(1), true;
                        }}});
  Client client(":memory:", {}, &functions);
  client.Must(Define(kScalar, "f", 1, 1));
  bool refused = false;
  for (int64_t nth = 1;; ++nth) {
    const AllocationFault fault(nth);
    const Outcome outcome = client.Do(All("SELECT f(zeroblob(100000))"));
    refused |= outcome.failure.has_value();
    EXPECT(CodeOf(outcome).empty() || CodeOf(outcome) == "SQLITE_NOMEM");
    if (fault.count() < nth) break;
  }
  EXPECT(refused && whole);
}

}  // namespace aiosqlite::test

// A disk and a memory that fail: at every call that a scenario makes, one at a time, then for good.
#include <sqlite3.h>

#include <cstdio>

#include "failing_allocator.h"
#include "fault_scenarios.h"
#include "faulty_vfs.h"

namespace aiosqlite::test {
namespace {

// One way for an I/O call to fail, and the error codes that the affected jobs may return.
struct FaultKind {
  const char* name;
  IoCall call;
  Fault fault;
  bool for_good;  // until it is mended: a full disk
  std::set<std::string> codes;
};

const std::vector<FaultKind>& FaultKinds() {
  static const std::vector<FaultKind> kinds = {
      {"open", IoCall::kOpen, {SQLITE_CANTOPEN}, false, {"SQLITE_CANTOPEN"}},
      {"delete", IoCall::kDelete, {SQLITE_IOERR_DELETE}, false, {"SQLITE_IOERR_DELETE"}},
      {"access", IoCall::kAccess, {SQLITE_IOERR_ACCESS}, false, {"SQLITE_IOERR_ACCESS"}},
      {"read", IoCall::kRead, {SQLITE_IOERR_READ}, false, {"SQLITE_IOERR_READ"}},
      {"write", IoCall::kWrite, {SQLITE_IOERR_WRITE}, false, {"SQLITE_IOERR_WRITE"}},
      {"half a write", IoCall::kWrite, {SQLITE_IOERR_WRITE, true}, false, {"SQLITE_IOERR_WRITE"}},
      {"full", IoCall::kWrite, {SQLITE_FULL}, false, {"SQLITE_FULL"}},
      {"full for good", IoCall::kWrite, {SQLITE_FULL, true}, true, {"SQLITE_FULL"}},
      {"truncate", IoCall::kTruncate, {SQLITE_IOERR_TRUNCATE}, false, {"SQLITE_IOERR_TRUNCATE"}},
      {"sync", IoCall::kSync, {SQLITE_IOERR_FSYNC}, false, {"SQLITE_IOERR_FSYNC"}},
      {"sync for good", IoCall::kSync, {SQLITE_IOERR_FSYNC}, true, {"SQLITE_IOERR_FSYNC"}},
      {"size", IoCall::kFileSize, {SQLITE_IOERR_FSTAT}, false, {"SQLITE_IOERR_FSTAT"}},
      {"lock", IoCall::kLock, {SQLITE_IOERR_LOCK}, false, {"SQLITE_IOERR_LOCK"}},
      {"unlock", IoCall::kUnlock, {SQLITE_IOERR_UNLOCK}, false, {"SQLITE_IOERR_UNLOCK"}},
      {"shared memory", IoCall::kShmMap, {SQLITE_IOERR_SHMMAP}, false, {"SQLITE_IOERR_SHMMAP"}},
      {"its lock", IoCall::kShmLock, {SQLITE_IOERR_SHMLOCK}, false, {"SQLITE_IOERR_SHMLOCK"}},
  };
  return kinds;
}

int all_disk_points = 0;
int all_memory_points = 0;

struct Tally {
  int points = 0;  // rounds in which the fault was met
  int rejected = 0;
  int rejected_but_there = 0;
  std::map<std::string, int> codes;

  void Add(const FaultSession& session) {
    ++points;
    rejected += session.rejected();
    rejected_but_there += session.rejected_but_there();
    for (const auto& [code, count] : session.codes()) codes[code] += count;
  }
  void Print(const char* title) const {
    std::printf("  %d points, %d jobs rejected, %d of them there: %s\n   ", points, rejected,
                rejected_but_there, title);
    for (const auto& [code, count] : codes) std::printf(" %s %d", code.c_str(), count);
    std::printf("\n");
  }
};

// Error codes of jobs beside the failing one: their transaction or cursor ended with it, or the scenario
// breaks this constraint on purpose.
bool IsBystander(const std::string& code) {
  return code == "ERR_TRANSACTION_CLOSED" || code == "SQLITE_CONSTRAINT_PRIMARYKEY" || code == "ERR_CLOSED";
}

void ExpectCodes(const FaultSession& session, const std::set<std::string>& expected, const char* kind,
                 int64_t nth) {
  for (const auto& [code, count] : session.codes()) {
    if (expected.count(code) != 0 || IsBystander(code)) continue;
    Fail(__FILE__, __LINE__, std::string(kind) + " " + std::to_string(nth) + ": " + code);
  }
}

// In CI a few of the points, evenly; all of them in the long run. `shift` makes neighbours differ.
int64_t StepOver(int64_t points, int64_t wanted) {
  return IsSoak() ? 1 : std::max<int64_t>(1, points / wanted);
}

// A disk that says the file ends in the middle of a page that is there: SQLite takes the rest for zeros. It
// can't see that, but what only reads must come to a clear error or to rows, and leave the file as it is.
void LieAboutLengths(FaultyVfs& vfs, const Image& image, const FaultScenario& scenario) {
  int64_t calls = 0;
  Tally tally;
  for (int64_t nth = 0; nth <= calls; ++nth) {
    const TempFile file;
    image.WriteTo(file.path());
    std::atomic<int64_t> count{0};
    vfs.OnCall([&](const Io& io) {
      return io.call == IoCall::kRead && ++count == nth ? Fault{SQLITE_IOERR_SHORT_READ, true} : Fault{};
    });
    FaultSession session(file.path(), scenario.settings);
    scenario.run(session);
    vfs.OnCall(nullptr);
    if (nth == 0) calls = count;
    ExpectCodes(session, {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ"}, "short read", nth);
    session.CloseAll();
    session.Check();
    if (nth > 0) tally.Add(session);
  }
  tally.Print("short reads");
  all_disk_points += tally.points;
}

void RunScenario(const FaultScenario& scenario) {
  FaultyVfs vfs;
  const Image image = scenario.prepare();
  Tally tally;
  for (const FaultKind& kind : FaultKinds()) {
    // How often the call is made, and then with every n-th of them failing.
    int64_t calls = 0;
    int64_t step = 1;
    for (int64_t nth = 0; nth == 0 || nth <= calls; nth += step) {
      const TempFile file;
      image.WriteTo(file.path());
      std::atomic<int64_t> count{0};
      vfs.OnCall([&](const Io& io) {
        if (io.call != kind.call) return Fault{};
        const int64_t number = ++count;
        const bool fails = nth != 0 && (number == nth || (kind.for_good && number > nth));
        return fails ? kind.fault : Fault{};
      });
      FaultSession session(file.path(), scenario.settings);
      scenario.run(session);
      vfs.OnCall(nullptr);
      if (nth == 0) {
        calls = count;
        step = StepOver(calls, 2);
      } else if (count >= nth) {
        tally.Add(session);
      }
      ExpectCodes(session, nth == 0 ? std::set<std::string>{} : kind.codes, kind.name, nth);
      session.UseAgain();
      session.Check();
      if (Failed()) {
        std::printf("  %s, %s: call %lld of %lld\n", scenario.title, kind.name, static_cast<long long>(nth),
                    static_cast<long long>(calls));
        return;
      }
    }
  }
  tally.Print(scenario.title);
  all_disk_points += tally.points;
  if (scenario.only_reads) LieAboutLengths(vfs, image, scenario);
}

// Memory that runs out: at the nth allocation of SQLite's, or from there on.
void RunScenarioWithoutMemory(const FaultScenario& scenario) {
  FaultyVfs vfs;
  const Image image = scenario.prepare();
  Tally tally;
  for (const bool for_good : {false, true}) {
    int64_t calls = 0;
    int64_t step = 1;
    for (int64_t nth = 0; nth == 0 || nth <= calls; nth += step) {
      const TempFile file;
      image.WriteTo(file.path());
      FaultSession session(file.path(), scenario.settings);
      {
        const AllocationFault fault(nth, for_good);
        scenario.run(session);
        if (nth == 0) {
          calls = fault.count();
          step = StepOver(calls, 12);
        } else if (fault.count() >= nth) {
          tally.Add(session);
        }
      }
      // While one connection has no memory to roll back, its lock keeps the other one out.
      std::set<std::string> codes;
      if (nth > 0) codes = {"SQLITE_NOMEM", "SQLITE_IOERR_NOMEM"};
      if (nth > 0 && for_good) codes.insert("SQLITE_BUSY");
      ExpectCodes(session, codes, for_good ? "out of memory" : "allocation", nth);
      session.UseAgain();
      session.Check();
      if (Failed()) {
        std::printf("  %s: allocation %lld of %lld%s\n", scenario.title, static_cast<long long>(nth),
                    static_cast<long long>(calls), for_good ? ", for good" : "");
        return;
      }
    }
  }
  tally.Print(scenario.title);
  all_memory_points += tally.points;
}

// One test per scenario.
[[maybe_unused]] const bool registered = [] {
  for (const FaultScenario& scenario : FaultScenarios()) {
    const std::string title = "whatever call to the disk fails, nothing acknowledged is lost: ";
    const Registration disk((title + scenario.title).c_str(), [&scenario] { RunScenario(scenario); });
  }
  for (const FaultScenario& scenario : FaultScenarios()) {
    const std::string title = "whatever allocation fails, nothing acknowledged is lost: ";
    const Registration memory((title + scenario.title).c_str(),
                              [&scenario] { RunScenarioWithoutMemory(scenario); });
  }
  return true;
}();

}  // namespace

// Behind all of them.
TEST("whatever call or allocation fails: so many points were tried") {
  std::printf("  %d calls to the disk and %d allocations have failed\n", all_disk_points, all_memory_points);
  EXPECT(!IsSoak() || (all_disk_points > 2000 && all_memory_points > 2000));
}

}  // namespace aiosqlite::test

// The power goes while connections write: what was acknowledged is there afterwards.
#include <cstdio>
#include <fstream>

#include "fault_session.h"
#include "power_cut.h"

namespace aiosqlite::test {
namespace {

// Acknowledged writes that must be left.
enum class Keeps {
  kAll,
  kLatestButOne,  // all but the last transaction
  kAnyPrefix,     // what was committed first stays longest
};

struct Durability {
  std::string journal_mode;
  std::string synchronous;
  Keeps keeps;
};

// A disk after a cut, and how many rows had been acknowledged by then, in their order.
struct Photo {
  Disk disk;
  int acknowledged;
};

// Rows 1, 2, 3, … in this order, a few per commit.
class Workload {
 public:
  Workload(const Durability& durability, unsigned seed) : random_(seed) {
    settings_.journal_mode = durability.journal_mode;
    settings_.pragmas = {"PRAGMA synchronous = " + durability.synchronous, "PRAGMA wal_autocheckpoint = 6",
                         "PRAGMA cache_size = 8"};
  }

  // Photos taken while it runs, `each` at every call that changes the disk.
  std::vector<Photo> Run(FaultyVfs& vfs, const std::string& path, int each) {
    PowerCut cut;
    std::mutex mutex;  // two connections, two threads
    std::vector<Photo> photos;
    vfs.OnCall([&](const Io& io) {
      const std::lock_guard<std::mutex> lock(mutex);
      const bool changes = io.call == IoCall::kWrite || io.call == IoCall::kSync ||
                           io.call == IoCall::kTruncate || io.call == IoCall::kDelete;
      for (int i = 0; changes && i < each; ++i) photos.push_back({cut.After(random_), acknowledged_});
      cut.Follow(io);
      return Fault{};
    });
    {
      Client one(path, settings_);
      one.Exec(kFaultSchema);
      Client other(path, settings_);
      for (Client* client : {&one, &other}) {
        client->outcomes().OnPost([this](const std::vector<Outcome>& outcomes) { Acknowledge(outcomes); });
      }
      for (int round = 0; round < 10; ++round) Commit(round % 3 == 2 ? other : one, 1 + round % 4);
      for (Client* client : {&one, &other}) client->Must(Close());
      Client again(path, settings_);
      again.outcomes().OnPost([this](const std::vector<Outcome>& outcomes) { Acknowledge(outcomes); });
      for (int round = 0; round < 3; ++round) Commit(again, 2);
      again.Must(Close());
    }
    vfs.OnCall(nullptr);
    for (int i = 0; i < each; ++i) photos.push_back({cut.After(random_), acknowledged_});
    return photos;
  }

 private:
  void Commit(Client& client, int rows) {
    std::vector<JobPtr> jobs;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (int i = 0; i < rows; ++i) {
        JobPtr job = test::Run(InsertRow(++last_));
        rows_[job->id] = last_;
        jobs.push_back(std::move(job));
      }
    }
    for (const Outcome& outcome : client.AwaitAll(client.SendAll(std::move(jobs))))
      EXPECT(CodeOf(outcome).empty());
  }

  // On the worker's thread, before anybody hears of it.
  void Acknowledge(const std::vector<Outcome>& outcomes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const Outcome& outcome : outcomes) {
      const auto found = rows_.find(outcome.id);
      if (found != rows_.end() && !outcome.failure)
        acknowledged_ = std::max<int>(acknowledged_, found->second);
    }
  }

  Settings settings_;
  std::mt19937 random_;
  std::mutex mutex_;
  std::map<JobId, int> rows_;
  int last_ = 0;
  std::atomic<int> acknowledged_{0};
};

void WriteTo(const std::string& path, const Photo& photo, const std::string& original) {
  for (const auto& [name, bytes] : photo.disk) {
    const std::string suffix = name.substr(original.size());
    std::ofstream(path + suffix, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

// How many acknowledged rows are missing; the test fails if more are than may be, or anything else is wrong.
int Missing(const std::string& path, const Photo& photo, Keeps keeps) {
  Settings settings;
  settings.journal_mode = "";
  Local database(path, settings);
  EXPECT(database.Rows({"PRAGMA integrity_check", {}, RowMode::kArray}) == R"([["ok"]])");
  if (database.Rows({"SELECT count(*) FROM sqlite_schema", {}, RowMode::kArray}) == "[[0]]") {
    EXPECT(photo.acknowledged == 0 || keeps == Keeps::kAnyPrefix);
    return photo.acknowledged;
  }
  const int there = std::stoi(database.Rows({"SELECT count(*) FROM t", {}, RowMode::kArray}).substr(2));
  // In the order of their commits: no gap.
  EXPECT(there == 0 ||
         database.Rows({"SELECT max(n) FROM t", {}, RowMode::kArray}) == "[[" + std::to_string(there) + "]]");
  for (int row = 1; row <= there; ++row) {
    EXPECT(database.Rows({"SELECT x = ? FROM t WHERE n = ?", {TextOf(row), row}, RowMode::kArray}) ==
           "[[1]]");
  }
  const int missing = std::max(0, photo.acknowledged - there);
  const int may_miss = keeps == Keeps::kAll ? 0 : keeps == Keeps::kLatestButOne ? 4 : photo.acknowledged;
  EXPECT(missing <= may_miss);
  return missing;
}

void CutPower(const Durability& durability) {
  FaultyVfs vfs;
  const int seeds = IsSoak() ? 12 : 1;
  int cuts = 0;
  int losing = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const TempFile file;
    const std::vector<Photo> photos =
        Workload(durability, static_cast<unsigned>(seed)).Run(vfs, file.path(), IsSoak() ? 2 : 1);
    for (const Photo& photo : photos) {
      const TempFile copy;
      WriteTo(copy.path(), photo, file.path());
      ++cuts;
      losing += Missing(copy.path(), photo, durability.keeps) > 0 ? 1 : 0;
      if (Failed()) {
        std::printf("  seed %d, cut %d\n", seed, cuts);
        return;
      }
    }
  }
  std::printf("  %d cuts, after %d of them something acknowledged was missing\n", cuts, losing);
}

}  // namespace

TEST("power cut, WAL, synchronous = FULL: nothing acknowledged is lost") {
  CutPower({"wal", "FULL", Keeps::kAll});
}

TEST("power cut, WAL, synchronous = NORMAL: sound, the latest commits may be missing") {
  CutPower({"wal", "NORMAL", Keeps::kAnyPrefix});
}

TEST("power cut, rollback journal, synchronous = EXTRA: nothing acknowledged is lost") {
  CutPower({"delete", "EXTRA", Keeps::kAll});
}

TEST("power cut, truncated journal, synchronous = FULL: nothing acknowledged is lost") {
  CutPower({"truncate", "FULL", Keeps::kAll});
}

TEST("power cut, persistent journal, synchronous = FULL: nothing acknowledged is lost") {
  CutPower({"persist", "FULL", Keeps::kAll});
}

// SQLite syncs the folder after it has deleted a journal only where synchronous is EXTRA
// (sqlite.org/pragma.html#pragma_synchronous). So that is what our 'full' sets there: see
// src/connection/options.ts.
TEST("power cut, rollback journal, synchronous = FULL: sound, the latest commit may be missing") {
  CutPower({"delete", "FULL", Keeps::kLatestButOne});
}

}  // namespace aiosqlite::test

// Random transactions on joined WAL writes, with a disk that fails, beside a model of what is committed.
#include <sqlite3.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "engine/sqlite/page_remains.h"
#include "engine/sqlite/wal_buffer.h"
#include "faulty_vfs.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

constexpr char kRows[] =
    "SELECT coalesce(group_concat(id || ':' || length(text) || substr(text, -1), ' '), '') "
    "FROM (SELECT * FROM t ORDER BY id); PRAGMA integrity_check";

class Database {
 public:
  explicit Database(const std::string& path) { sqlite3_open(path.c_str(), &db_); }
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void Join() {
    Do("PRAGMA schema_version");
    ClearRemainsOnWrite(db_);
    JoinWalWrites(db_);
  }
  bool Do(const std::string& sql) {
    return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  bool InTransaction() { return sqlite3_get_autocommit(db_) == 0; }
  // Rows, then the integrity check; an error's text if they can't be read.
  std::string Rows() {
    std::string rows;
    const auto add = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) += std::string(values[0]) + ";";
      return 0;
    };
    return sqlite3_exec(db_, kRows, add, &rows, nullptr) == SQLITE_OK ? rows : sqlite3_errmsg(db_);
  }

 private:
  sqlite3* db_ = nullptr;
};

struct Text {
  int length;
  char last;
};
using Model = std::map<int, Text>;

std::string RowsOf(const Model& model) {
  std::string rows;
  for (const auto& [id, text] : model) {
    rows += (rows.empty() ? "" : " ") + std::to_string(id) + ":" + std::to_string(text.length) + text.last;
  }
  return rows + ";ok;";
}

// One file, a connection that uses transactions, another one that does not, and what is committed.
class Trial {
 public:
  explicit Trial(unsigned seed) : random_(seed), page_(512 << Below(8)) {
    {
      Database first(file_.path());
      first.Do("PRAGMA page_size = " + std::to_string(page_) +
               "; CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT NOT NULL); CREATE INDEX i ON t (text);"
               "PRAGMA journal_mode = WAL");
    }
    own_ = std::make_unique<Database>(file_.path());
    other_ = std::make_unique<Database>(file_.path());
    for (Database* database : {own_.get(), other_.get()}) {
      database->Join();
      database->Do(std::string("PRAGMA synchronous = ") + (Below(2) == 0 ? "NORMAL" : "FULL") +
                   "; PRAGMA cache_size = " + (Below(3) == 0 ? "200" : "5") +
                   "; PRAGMA wal_autocheckpoint = " + (Below(2) == 0 ? "0" : "20"));
    }
    vfs_.OnCall([this](const Io& io) { return FaultOf(io); });
  }
  ~Trial() { vfs_.OnCall(nullptr); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  // Returns whether the file is as the model says, for every connection and after a crash.
  bool Step() {
    if (Below(3) == 0) calls_to_fault_ = 1 + Below(6);
    may_fail_ = calls_to_fault_ > 0;
    const bool is_done = own_->InTransaction() ? StepWithin() : StepOutside();
    calls_to_fault_ = 0;
    if (!is_done && !may_fail_) return false;
    if (!is_done && own_->InTransaction() && Below(2) == 0) own_->Do("ROLLBACK");
    // A statement that failed may have ended the transaction, or not.
    if (!is_done && own_->InTransaction() && own_->Rows() != RowsOf(pending_)) own_->Do("ROLLBACK");
    if (own_->Rows() != RowsOf(own_->InTransaction() ? pending_ : committed_)) return false;
    return Database(file_.path()).Rows() == RowsOf(committed_) && AfterCrash() == RowsOf(committed_);
  }

  int faults() const { return faults_; }

 private:
  bool StepOutside() {
    const int step = Below(10);
    if (step == 0) return own_->Do("PRAGMA wal_checkpoint(TRUNCATE)") || true;
    if (step < 6) return Change(step < 3 ? *other_ : *own_, committed_);
    pending_ = committed_;
    saved_.clear();
    return own_->Do("BEGIN IMMEDIATE");
  }

  bool StepWithin() {
    const int step = Below(12);
    if (step == 0) {
      if (!own_->Do("COMMIT")) return false;
      committed_ = pending_;
      return true;
    }
    if (step == 1) return own_->Do("ROLLBACK");
    if (step == 2) {
      if (!own_->Do("SAVEPOINT s" + std::to_string(saved_.size()))) return false;
      saved_.push_back(pending_);
      return true;
    }
    if (step == 3 && !saved_.empty()) {
      const size_t to = static_cast<size_t>(Below(static_cast<int>(saved_.size())));
      if (!own_->Do("ROLLBACK TO s" + std::to_string(to))) return false;
      pending_ = saved_[to];
      saved_.resize(to + 1);
      return true;
    }
    return Change(*own_, pending_);
  }

  // Writes some rows, in the file and in the model.
  bool Change(Database& database, Model& model) {
    Model changed = model;
    const int id = 1 + Below(60);
    const int count = Below(3) == 0 ? 25 : 1;
    const char letter = static_cast<char>('a' + Below(26));
    std::string sql;
    if (Below(5) == 0) {
      sql = "DELETE FROM t WHERE id BETWEEN " + std::to_string(id) + " AND " + std::to_string(id + count);
      changed.erase(changed.lower_bound(id), changed.upper_bound(id + count));
    } else {
      const int length = 1 + Below(Below(3) == 0 ? page_ * 3 : page_ / 2);
      sql = "WITH RECURSIVE n (i) AS (SELECT " + std::to_string(id) +
            " UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(id + count) +
            ") INSERT OR REPLACE INTO t SELECT i, printf('%.*c', " + std::to_string(length) + ", '" + letter +
            "') FROM n";
      for (int i = id; i <= id + count; ++i) changed[i] = {length, letter};
    }
    if (!database.Do(sql)) return false;
    model = changed;
    return true;
  }

  std::string AfterCrash() {
    const TempFile copy;
    copy.CopyAfterCrash(file_.path());
    return Database(copy.path()).Rows();
  }

  Fault FaultOf(const Io& io) {
    const std::string path = io.path == nullptr ? "" : io.path;
    const bool is_wal = path == file_.path() + "-wal";
    // A sync that fails may leave a commit that the model does not know of.
    if (!is_wal || (io.call != IoCall::kWrite && io.call != IoCall::kRead) || calls_to_fault_ == 0) return {};
    if (--calls_to_fault_ > 0) return {};
    ++faults_;
    return Fault{io.call == IoCall::kRead ? SQLITE_IOERR_READ : SQLITE_FULL};
  }

  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }

  std::mt19937 random_;
  const int page_;
  FaultyVfs vfs_;
  const TempFile file_;
  std::unique_ptr<Database> own_;
  std::unique_ptr<Database> other_;
  Model committed_;
  Model pending_;
  std::vector<Model> saved_;
  int calls_to_fault_ = 0;
  bool may_fail_ = false;
  int faults_ = 0;
};

}  // namespace

TEST("random transactions with joined WAL writes leave what was committed, whatever fails") {
  int faults = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Trial trial(seed);
    for (int step = 0; step < 80; ++step) {
      if (trial.Step()) continue;
      Fail(__FILE__, __LINE__, "seed " + std::to_string(seed) + ", step " + std::to_string(step));
      break;
    }
    faults += trial.faults();
  }
  EXPECT(faults > 60);
}

}  // namespace aiosqlite::test

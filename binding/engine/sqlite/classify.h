// Worker thread. Classifies a statement while it is prepared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct sqlite3;

namespace aiosqlite {

enum class StatementKind : uint8_t {
  kRead,     // SELECT, EXPLAIN, a PRAGMA that only asks
  kDml,      // INSERT, UPDATE, DELETE, REPLACE: what may share a commit
  kControl,  // transaction, savepoint, ATTACH, DETACH, a PRAGMA that sets
  kOther,    // DDL, ANALYZE, REINDEX, VACUUM, …
};

struct StatementTraits {
  StatementKind kind = StatementKind::kRead;
  bool transaction_control = false;    // BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE
  bool alters_connection = false;      // a setting PRAGMA, ATTACH, DETACH
  bool sets_foreign_keys = false;      // PRAGMA foreign_keys = …, which a transaction ignores
  bool reads_counter = false;          // last_insert_rowid(), changes(), total_changes()
  bool trigger_reads_counter = false;  // one of these three in a trigger that the statement fires
  bool creates_temp = false;           // makes or drops a TEMP object
  bool reads_array = false;            // carray()
  bool inserts = false;
  bool rolls_back = false;          // ROLLBACK, of everything
  std::string savepoint_operation;  // BEGIN, RELEASE, ROLLBACK
  std::string savepoint_name;
};

// One line of what a user forbids on a connection. An empty name stands for any.
struct AuthorizerRule {
  bool allow = false;
  int action = 0;  // SQLite's code
  std::string database;
  std::string table;
  std::string column;
};

// Deny rules win. With `only_allowed`, an action that no rule names is denied, except SELECT itself.
struct AuthorizerRules {
  bool only_allowed = false;
  std::vector<AuthorizerRule> rules;
};

// Watches sqlite3_prepare through the authorizer (sqlite.org/c3ref/set_authorizer.html).
//
// The authorizer must also refuse: preparing a flag PRAGMA already executes it, and sqlite3_stmt_readonly
// calls BEGIN, ATTACH and `PRAGMA foreign_keys=0` read-only.
class Classifier {
 public:
  void Install(sqlite3* db);
  // Between these two calls the authorizer judges the statement that is prepared. Outside of them it allows
  // everything: then SQLite runs statements of its own inside a step.
  void Begin(uint8_t policy, std::string_view sql);
  // The same for a statement of our own, which no rule forbids.
  void BeginOwn();
  StatementTraits End();

  // The caller must prepare its statements anew afterwards.
  void SetRules(AuthorizerRules rules) { rules_ = std::move(rules); }
  // While true, deleted rows are visited one by one, so that the update hook sees them: SQLite would
  // otherwise drop the pages of a whole table at once.
  void VisitDeletedRows(bool visit) { visit_deleted_ = visit; }

  // Why a statement with these traits may not run under `policy`; null if it may.
  static const char* Refusal(const StatementTraits& traits, uint8_t policy);
  // Reason for which the authorizer has just refused; null if it has not.
  const char* refused() const { return refused_; }
  // Whether one of the user's rules was the reason.
  bool forbade() const { return forbade_; }

 private:
  static int OnAuthorize(void* self, int action, const char* first, const char* second, const char* database,
                         const char* trigger);
  void Note(int action, const char* first, const char* second, const char* database, bool inner);
  void NoteCounter(std::string_view name, bool inner);
  void NotePragma(const char* name, const char* argument);
  void AtLeast(StatementKind kind);
  bool Forbids(int action, const char* first, const char* second, const char* database) const;

  sqlite3* db_ = nullptr;
  AuthorizerRules rules_;
  bool visit_deleted_ = false;
  bool own_ = false;
  bool preparing_ = false;
  uint8_t policy_ = 0;
  std::string_view sql_;
  StatementTraits traits_;
  const char* refused_ = nullptr;
  bool forbade_ = false;
};

}  // namespace aiosqlite

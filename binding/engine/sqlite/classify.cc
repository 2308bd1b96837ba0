#include "engine/sqlite/classify.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "engine/job.h"

namespace aiosqlite {
namespace {

bool SameLetter(unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); }

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), SameLetter);
}

template <size_t N>
bool IsAmong(const std::array<std::string_view, N>& names, const char* name) {
  return name != nullptr && std::any_of(names.begin(), names.end(),
                                        [name](std::string_view known) { return SameName(known, name); });
}

// sqlite.org/pragma.html: those whose argument is a question, and those that act on the file.
constexpr std::array<std::string_view, 10> kAskWithArgument = {
    "table_info", "table_xinfo",       "table_list",       "index_info",      "index_xinfo",
    "index_list", "foreign_key_check", "foreign_key_list", "integrity_check", "quick_check"};
constexpr std::array<std::string_view, 4> kAct = {"wal_checkpoint", "optimize", "incremental_vacuum",
                                                  "shrink_memory"};
// Those that set something in the file, not in the connection: a write like others.
constexpr std::array<std::string_view, 2> kSetInFile = {"user_version", "application_id"};
constexpr std::array<std::string_view, 3> kConnectionCounters = {"last_insert_rowid", "changes",
                                                                 "total_changes"};

constexpr char kRefusesTransactionControl[] =
    "BEGIN, COMMIT, ROLLBACK and SAVEPOINT are not for use here: call transaction(), inside it "
    "tx.transaction() for a "
    "savepoint, or use withConnection()";
constexpr char kRefusesSettings[] =
    "ATTACH, DETACH and a PRAGMA that sets belong to one connection: use withConnection() or the option "
    "`pragmas`";
constexpr char kRefusesForeignKeys[] =
    "PRAGMA foreign_keys does nothing inside a transaction: set it before, on a connection or with "
    "withConnection(); PRAGMA defer_foreign_keys works here";
constexpr char kRefusesTemp[] = "TEMP objects belong to one connection: use withConnection()";
constexpr char kRefusesCounter[] =
    "last_insert_rowid(), changes() and total_changes() mean nothing on a pool outside of triggers: use the "
    "result of run(), RETURNING, or withConnection()";
constexpr char kRefusesQueryOnly[] = "query_only can't be changed on a reader";

}  // namespace

void Classifier::Install(sqlite3* db) {
  db_ = db;
  sqlite3_set_authorizer(db, &Classifier::OnAuthorize, this);
}

void Classifier::Begin(uint8_t policy, std::string_view sql) {
  preparing_ = true;
  policy_ = policy;
  sql_ = sql;
  traits_ = {};
  refused_ = nullptr;
  forbade_ = false;
}

void Classifier::BeginOwn() {
  Begin(0, {});
  own_ = true;
}

StatementTraits Classifier::End() {
  preparing_ = false;
  own_ = false;
  return traits_;
}

const char* Classifier::Refusal(const StatementTraits& traits, uint8_t policy) {
  const auto forbids = [policy](uint8_t what) { return (policy & what) != 0; };
  if (traits.transaction_control && forbids(policy::kNoTransactionControl)) return kRefusesTransactionControl;
  if (traits.alters_connection && forbids(policy::kNoSettings)) return kRefusesSettings;
  if (traits.sets_foreign_keys && forbids(policy::kNoTransactionControl)) return kRefusesForeignKeys;
  if (traits.creates_temp && forbids(policy::kNoSettings)) return kRefusesTemp;
  if (traits.reads_counter && forbids(policy::kNoConnectionCounters)) return kRefusesCounter;
  return nullptr;
}

int Classifier::OnAuthorize(void* self, int action, const char* first, const char* second,
                            const char* database, const char* inside) {
  auto* classifier = static_cast<Classifier*>(self);
  if (!classifier->own_ && classifier->Forbids(action, first, second, database)) {
    classifier->forbade_ = true;
    return SQLITE_DENY;
  }
  if (classifier->preparing_) {
    classifier->Note(action, first, second, database, inside != nullptr);
    classifier->refused_ = Refusal(classifier->traits_, classifier->policy_);
    if (action == SQLITE_PRAGMA && (classifier->policy_ & policy::kReadOnly) != 0 && second != nullptr &&
        SameName(first, "query_only")) {
      classifier->refused_ = kRefusesQueryOnly;
    }
    if (classifier->refused_ != nullptr) return SQLITE_DENY;
  }
  // sqlite.org/c3ref/set_authorizer.html: for a DELETE this means row by row.
  return action == SQLITE_DELETE && classifier->visit_deleted_ ? SQLITE_IGNORE : SQLITE_OK;
}

bool Classifier::Forbids(int action, const char* first, const char* second, const char* database) const {
  if (rules_.rules.empty() && !rules_.only_allowed) return false;
  const auto fits = [](const std::string& wanted, const char* actual) {
    return wanted.empty() || (actual != nullptr && SameName(wanted, actual));
  };
  // sqlite.org/c3ref/c_alter_table.html. A table stands first, but behind the name of an index or a trigger;
  // a function stands where its table would.
  const char* other = nullptr;
  switch (action) {
    case SQLITE_ALTER_TABLE:
      database = first;
      [[fallthrough]];
    case SQLITE_FUNCTION:
      first = std::exchange(second, nullptr);
      break;
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_DROP_INDEX:
    case SQLITE_DROP_TEMP_INDEX:
    case SQLITE_DROP_TRIGGER:
    case SQLITE_DROP_TEMP_TRIGGER:
      other = second;
      break;
    default:
      break;
  }
  bool allowed = action == SQLITE_SELECT || action == SQLITE_RECURSIVE;
  for (const AuthorizerRule& rule : rules_.rules) {
    const bool applies = rule.action == action && fits(rule.database, database) &&
                         (fits(rule.table, first) || fits(rule.table, other)) && fits(rule.column, second);
    if (!applies) continue;
    if (!rule.allow) return true;
    allowed = true;
  }
  return rules_.only_allowed && !allowed;
}

void Classifier::NotePragma(const char* name, const char* argument) {
  const bool sets = argument != nullptr && !IsAmong(kAskWithArgument, name);
  if (IsAmong(kAct, name) || (sets && IsAmong(kSetInFile, name))) {
    AtLeast(StatementKind::kOther);
  } else if (sets) {
    AtLeast(StatementKind::kControl);
    traits_.sets_foreign_keys = SameName(name, "foreign_keys");
    // defer_foreign_keys belongs to the transaction: SQLite resets it with each COMMIT and ROLLBACK. But
    // preparing the PRAGMA sets it, too.
    const bool ends_with_transaction = SameName(name, "defer_foreign_keys") &&
                                       sqlite3_get_autocommit(db_) == 0 && (policy_ & policy::kLooks) == 0;
    traits_.alters_connection = !ends_with_transaction;
  }
}

void Classifier::AtLeast(StatementKind kind) {
  const auto rank = [](StatementKind of) {
    return of == StatementKind::kRead    ? 0
           : of == StatementKind::kDml   ? 1
           : of == StatementKind::kOther ? 2
                                         : 3;
  };
  if (rank(kind) > rank(traits_.kind)) traits_.kind = kind;
}

// A trigger may call these functions, which then report on its own statements. The authorizer reports that a
// trigger, view or subquery surrounds the call (`inner`), but not which of them. It is a trigger if the
// statement writes and its text does not contain the name.
void Classifier::NoteCounter(std::string_view name, bool inner) {
  const bool in_text =
      std::search(sql_.begin(), sql_.end(), name.begin(), name.end(), SameLetter) != sql_.end();
  const bool in_trigger = inner && !in_text && traits_.kind == StatementKind::kDml;
  (in_trigger ? traits_.trigger_reads_counter : traits_.reads_counter) = true;
}

void Classifier::Note(int action, const char* first, const char* second, const char* database, bool inner) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
      if (action == SQLITE_READ && first != nullptr && SameName(first, "carray")) traits_.reads_array = true;
      break;
    case SQLITE_RECURSIVE:
      break;
    case SQLITE_FUNCTION:
      if (IsAmong(kConnectionCounters, second)) NoteCounter(second, inner);
      break;
    case SQLITE_INSERT:
      traits_.inserts = true;
      AtLeast(StatementKind::kDml);
      break;
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
      AtLeast(StatementKind::kDml);
      break;
    case SQLITE_SAVEPOINT:
      traits_.savepoint_operation = first == nullptr ? "" : first;
      traits_.savepoint_name = second == nullptr ? "" : second;
      [[fallthrough]];
    case SQLITE_TRANSACTION:
      traits_.rolls_back = action == SQLITE_TRANSACTION && first != nullptr && SameName(first, "ROLLBACK");
      traits_.transaction_control = true;
      AtLeast(StatementKind::kControl);
      break;
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      traits_.alters_connection = true;
      AtLeast(StatementKind::kControl);
      break;
    case SQLITE_PRAGMA:
      NotePragma(first, second);
      break;
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_DROP_TEMP_INDEX:
    case SQLITE_DROP_TEMP_TABLE:
    case SQLITE_DROP_TEMP_TRIGGER:
    case SQLITE_DROP_TEMP_VIEW:
      traits_.creates_temp = true;
      AtLeast(StatementKind::kOther);
      break;
    default:
      // `CREATE TABLE temp.x` comes as any other CREATE TABLE.
      if (database != nullptr && SameName(database, "temp")) traits_.creates_temp = true;
      AtLeast(StatementKind::kOther);
  }
}

}  // namespace aiosqlite

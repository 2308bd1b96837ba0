#include "engine/features/control.h"

#include <sqlite3.h>

#include <utility>

#include "engine/rows/json_text.h"
#include "engine/rows/number_text.h"
#include "engine/sqlite/database.h"
#include "engine/sqlite/error.h"
#include "engine/sqlite/sql_text.h"

namespace aiosqlite {
namespace {

void AppendMember(std::string& out, const char* name, const char* value) {
  if (value == nullptr) return;
  out.append(",\"").append(name).append("\":");
  json::AppendString(out, value);
}

}  // namespace

std::optional<Failure> Describe(Database& database, const Job& job, Outcome& outcome) {
  const std::string_view sql = EntryReader(job.entries).Text();
  // Preparing a PRAGMA that sets already runs it, under EXPLAIN too.
  const std::string_view text = sql_text::SkipBlank(sql);
  const bool runs = sql_text::StartsWith(text, "pragma") || sql_text::StartsWith(text, "explain");
  const int policy = job.policy | (runs ? policy::kNoSettings | policy::kLooks : 0);
  std::optional<Failure> failure;
  // Not from the cache: what is prepared there may know an older schema until it runs.
  const std::unique_ptr<Statement> statement =
      database.statements().PrepareOwn(sql, static_cast<uint8_t>(policy), failure);
  if (failure) {
    if (runs && failure->code == "ERR_CONTROL_STATEMENT")
      failure->message = "a PRAGMA that sets can't be described: preparing it already runs it";
    return failure;
  }
  sqlite3_stmt* const handle = statement->handle();
  std::string& out = outcome.info;
  out.append("{\"readonly\":").append(statement->reads() ? "true" : "false").append(",\"parameters\":[");
  for (int i = 1; i <= sqlite3_bind_parameter_count(handle); ++i) {
    const char* name = sqlite3_bind_parameter_name(handle, i);
    if (i > 1) out.push_back(',');
    json::AppendString(out, name == nullptr ? "?" : name);
  }
  out.append("],\"columns\":[");
  const std::vector<std::string>& names = statement->ColumnNames();
  for (int i = 0; i < static_cast<int>(names.size()); ++i) {
    out.append(i > 0 ? ",{\"name\":" : "{\"name\":").append(names[static_cast<size_t>(i)]);
    AppendMember(out, "declaredType", sqlite3_column_decltype(handle, i));
    AppendMember(out, "database", sqlite3_column_database_name(handle, i));
    AppendMember(out, "table", sqlite3_column_table_name(handle, i));
    AppendMember(out, "column", sqlite3_column_origin_name(handle, i));
    out.push_back('}');
  }
  out.append("]}");
  return std::nullopt;
}

std::optional<Failure> Status(Database& database, Outcome& outcome) {
  struct Counter {
    const char* name;
    int code;
  };
  // sqlite.org/c3ref/c_dbstatus_options.html
  constexpr Counter kCounters[] = {
      {"cacheUsedBytes", SQLITE_DBSTATUS_CACHE_USED},    {"schemaUsedBytes", SQLITE_DBSTATUS_SCHEMA_USED},
      {"statementUsedBytes", SQLITE_DBSTATUS_STMT_USED}, {"cacheHits", SQLITE_DBSTATUS_CACHE_HIT},
      {"cacheMisses", SQLITE_DBSTATUS_CACHE_MISS},       {"cacheWrites", SQLITE_DBSTATUS_CACHE_WRITE},
      {"cacheSpills", SQLITE_DBSTATUS_CACHE_SPILL}};
  std::string& out = outcome.info;
  for (const Counter& counter : kCounters) {
    int current = 0;
    int highest = 0;
    sqlite3_db_status(database.handle(), counter.code, &current, &highest, 0);
    out.append(out.empty() ? "{\"" : ",\"").append(counter.name).append("\":");
    AppendInteger(out, current);
  }
  std::string version;
  if (auto failure = database.Ask("PRAGMA data_version", version)) return failure;
  out.append(",\"dataVersion\":").append(version).append("}");
  return std::nullopt;
}

std::optional<Failure> SetLimit(Database& database, const Job& job, Outcome& outcome) {
  EntryReader entries(job.entries);
  const int id = entries.Int();
  const int value = entries.Int();
  sqlite3* const db = database.handle();
  const int most = sqlite3_limit(db, id, -1);
  // sqlite.org/c3ref/limit.html: SQLite silently cuts a value down to the compiled-in bound. Report it
  // instead.
  const int before = sqlite3_limit(db, id, value);
  if (sqlite3_limit(db, id, -1) != value) {
    sqlite3_limit(db, id, most);
    return OwnFailure("ERR_OUT_OF_RANGE", "value is outside of the bounds that SQLite was compiled with");
  }
  database.hooks().MarkAltered();
  outcome.info = std::to_string(before);
  return std::nullopt;
}

std::optional<Failure> LoadExtension(Database& database, const Job& job) {
  EntryReader entries(job.entries);
  const std::string path(entries.Text());
  const std::string entry_point(entries.Text());
  database.hooks().MarkAltered();
  return database.LoadExtension(path, entry_point);
}

std::optional<Failure> Authorize(Database& database, const Job& job) {
  EntryReader entries(job.entries);
  AuthorizerRules rules;
  rules.only_allowed = entries.Int() != 0;
  for (int count = entries.Int(); count > 0; --count) {
    AuthorizerRule rule;
    rule.allow = entries.Int() != 0;
    rule.action = entries.Int();
    rule.database = entries.Text();
    rule.table = entries.Text();
    rule.column = entries.Text();
    rules.rules.push_back(std::move(rule));
  }
  database.statements().classifier().SetRules(std::move(rules));
  database.statements().ClearCache();
  database.hooks().MarkAltered();
  return std::nullopt;
}

std::optional<Failure> DefineFunction(Database& database, const Job& job) {
  EntryReader entries(job.entries);
  const FunctionSpec spec = FunctionSpec::Read(entries);
  const int rc = Define(database.handle(), spec, database.functions());
  if (rc != SQLITE_OK) return database.Failed(rc, {});
  database.statements().ClearCache();  // its statements would go on calling the function of this name before
  database.hooks().MarkAltered();
  return spec.direct_only ? database.ForgetSchema() : std::nullopt;
}

}  // namespace aiosqlite

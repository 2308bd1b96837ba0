// What is asked of a connection beside running SQL.
#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "engine/features/image.h"
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

std::optional<Failure> Database::Describe(const Job& job, Outcome& outcome) {
  const std::string_view sql = PacketReader(job.packet).Text();
  // Preparing a PRAGMA that sets already runs it, under EXPLAIN too.
  const std::string_view text = sql_text::SkipBlank(sql);
  const bool runs = sql_text::StartsWith(text, "pragma") || sql_text::StartsWith(text, "explain");
  const int policy = job.policy | (runs ? policy::kNoSettings | policy::kLooks : 0);
  std::optional<Failure> failure;
  // Not from the cache: what is prepared there may know an older schema until it runs.
  const std::unique_ptr<Statement> statement = PrepareOwn(sql, static_cast<uint8_t>(policy), failure);
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

std::optional<Failure> Database::Status(Outcome& outcome) {
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
    sqlite3_db_status(db_, counter.code, &current, &highest, 0);
    out.append(out.empty() ? "{\"" : ",\"").append(counter.name).append("\":");
    AppendInteger(out, current);
  }
  std::string version;
  if (auto failure = Ask("PRAGMA data_version", version)) return failure;
  out.append(",\"dataVersion\":").append(version).append("}");
  return std::nullopt;
}

std::optional<Failure> Database::SetLimit(const Job& job, Outcome& outcome) {
  PacketReader packet(job.packet);
  const int id = packet.Int();
  const int value = packet.Int();
  const int most = sqlite3_limit(db_, id, -1);
  // sqlite.org/c3ref/limit.html: what is above the compiled-in bound is silently cut down to it. That is told
  // instead.
  const int before = sqlite3_limit(db_, id, value);
  if (sqlite3_limit(db_, id, -1) != value) {
    sqlite3_limit(db_, id, most);
    return OwnFailure("ERR_OUT_OF_RANGE", "value is outside of the bounds that SQLite was compiled with");
  }
  altered_ = true;
  outcome.info = std::to_string(before);
  return std::nullopt;
}

std::optional<Failure> Database::LoadExtension(const Job& job) {
  PacketReader packet(job.packet);
  const std::string path(packet.Text());
  const std::string entry(packet.Text());
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, nullptr);
  char* message = nullptr;
  const int rc = sqlite3_load_extension(db_, path.c_str(), entry.empty() ? nullptr : entry.c_str(), &message);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  std::optional<Failure> failure;
  if (rc != SQLITE_OK) {
    failure = Failed(rc, {});
    if (message != nullptr) failure->message = message;
  }
  altered_ = true;
  sqlite3_free(message);
  if (!failure) failure = ForgetSchema();
  return failure;
}

std::optional<Failure> Database::Authorize(const Job& job) {
  PacketReader packet(job.packet);
  AuthorizerRules rules;
  rules.only_allowed = packet.Int() != 0;
  for (int count = packet.Int(); count > 0; --count) {
    AuthorizerRule rule;
    rule.allow = packet.Int() != 0;
    rule.action = packet.Int();
    rule.database = packet.Text();
    rule.table = packet.Text();
    rule.column = packet.Text();
    rules.rules.push_back(std::move(rule));
  }
  classifier_.SetRules(std::move(rules));
  cache_.Clear();
  altered_ = true;
  return std::nullopt;
}

std::optional<Failure> Database::Serialize(Outcome& outcome) {
  outcome.results.emplace_back();
  // In a transaction, so that it is one snapshot however often it is read.
  return Atomically(false, [&]() -> std::optional<Failure> {
    classifier_.BeginOwn();
    const int rc = ReadImage(db_, outcome.results.back().first.bytes);
    classifier_.End();
    if (rc != SQLITE_OK) return Failed(rc, {});
    return std::nullopt;
  });
}

std::optional<Failure> Database::Deserialize(const Job& job) {
  const std::string_view image = PacketReader(job.packet).Next().bytes;
  auto* const copy = static_cast<unsigned char*>(sqlite3_malloc64(std::max<size_t>(image.size(), 1)));
  if (copy == nullptr) return Failed(SQLITE_NOMEM, {});
  std::copy(image.begin(), image.end(), copy);
  // A WAL needs a file: an image that says so is opened with a rollback journal
  // (sqlite.org/fileformat.html, 1.3.3).
  if (image.size() > 19 && copy[18] == 2 && copy[19] == 2) copy[18] = copy[19] = 1;
  const auto size = static_cast<sqlite3_int64>(image.size());
  const unsigned flags = SQLITE_DESERIALIZE_FREEONCLOSE |
                         (options_.readonly ? SQLITE_DESERIALIZE_READONLY : SQLITE_DESERIALIZE_RESIZEABLE);
  const int rc = sqlite3_deserialize(db_, "main", copy, size, size, flags);
  if (rc != SQLITE_OK) return Failed(rc, {});  // sqlite.org/c3ref/deserialize.html: it has freed the copy
  return Control("PRAGMA schema_version");     // what is no database fails here
}

std::optional<Failure> Database::DefineFunction(const Job& job) {
  PacketReader packet(job.packet);
  const FunctionSpec spec = FunctionSpec::Read(packet);
  const int rc = Define(db_, spec, functions_);
  if (rc != SQLITE_OK) return Failed(rc, {});
  cache_.Clear();  // what is prepared goes on calling the function that had this name before
  altered_ = true;
  return spec.direct_only ? ForgetSchema() : std::nullopt;
}

void Database::Watch(bool watch) {
  classifier_.VisitDeletedRows(watch);
  change_log_.Watch(db_, watch);
  cache_.Clear();  // a DELETE that is prepared already would drop whole pages
}

}  // namespace aiosqlite

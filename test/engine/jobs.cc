#include "jobs.h"

#include <atomic>
#include <memory>

namespace aiosqlite::test {
namespace {

std::atomic<JobId> last_id{0};
std::atomic<LaneId> last_lane{kMainLane};

JobPtr NewJob(Request request) {
  auto job = std::make_unique<Job>();
  job->id = ++last_id;
  job->request = request;
  return job;
}

JobPtr Sized(JobPtr job) {
  job->byte_size = job->entries.ByteSize();
  return job;
}

void AddParams(Entries& entries, const Params& params) {
  entries.AddNumber(static_cast<double>(params.size()));
  for (const Param& param : params) Add(entries, param);
}

void AddQuery(Entries& entries, const Query& query) {
  entries.AddText(query.sql);
  int settings = static_cast<int>(query.mode) | static_cast<int>(query.if_none) << setting::kIfNoneAt;
  if (query.wants_columns) settings |= setting::kWantsColumns;
  if (!query.json_columns.empty()) settings |= setting::kHasJsonColumns;
  entries.AddNumber(settings);
  std::string names;
  for (const std::string& name : query.json_columns) {
    if (&name != &query.json_columns.front()) names.push_back('\0');
    names.append(name);
  }
  if (!query.json_columns.empty()) entries.AddText(names);
  if (query.named.empty()) return AddParams(entries, query.params);
  entries.AddNumber(-static_cast<double>(query.named.size()));
  for (const auto& [name, param] : query.named) {
    entries.AddText(name);
    Add(entries, param);
  }
}

}  // namespace

void Add(Entries& entries, const Param& param) {
  switch (param.tag) {
    case Tag::kInteger:
      return entries.AddNumber(static_cast<double>(param.integer));
    case Tag::kReal:
      return entries.AddReal(param.real);
    case Tag::kText:
      return entries.AddText(param.bytes);
    case Tag::kInt64:
      entries.Add(Tag::kInt64, 0);
      std::memcpy(&entries.slots.back(), &param.integer, sizeof param.integer);
      return;
    case Tag::kBlob:
      entries.Add(Tag::kBlob, static_cast<double>(entries.blobs.size()));
      entries.blobs.push_back(param.bytes);
      return;
    case Tag::kShared:
      return entries.AddShared(std::make_shared<const std::string>(param.bytes));
    case Tag::kArray:
      return entries.AddArray(static_cast<size_t>(param.integer));
    default:
      return entries.AddNull();
  }
}

JobPtr Run(const Query& query) {
  JobPtr job = NewJob(Request::kRun);
  AddQuery(job->entries, query);
  return Sized(std::move(job));
}

JobPtr Run(const std::string& sql, const Params& params) { return Run(Query{sql, params}); }

JobPtr All(const std::string& sql, const Params& params) { return Run(Query{sql, params, RowMode::kArray}); }

JobPtr Many(const std::string& sql, const std::vector<Params>& sets) {
  JobPtr job = NewJob(Request::kMany);
  job->entries.AddText(sql);
  job->entries.AddNumber(static_cast<double>(sets.size()));
  for (const Params& params : sets) AddParams(job->entries, params);
  return Sized(std::move(job));
}

JobPtr Batch(const std::vector<Query>& queries) {
  JobPtr job = NewJob(Request::kBatch);
  job->entries.AddNumber(static_cast<double>(queries.size()));
  for (const Query& query : queries) AddQuery(job->entries, query);
  return Sized(std::move(job));
}

JobPtr Script(const std::string& sql) {
  JobPtr job = NewJob(Request::kScript);
  job->entries.AddText(sql);
  return Sized(std::move(job));
}

JobPtr Begin(LaneId lane, BeginMode mode) {
  JobPtr job = NewJob(Request::kBegin);
  job->entries.AddNumber(lane);
  job->entries.AddNumber(static_cast<double>(mode));
  return Sized(std::move(job));
}

JobPtr End(LaneId lane, EndMode mode) {
  JobPtr job = NewJob(Request::kEnd);
  job->lane = lane;
  job->entries.AddNumber(static_cast<double>(mode));
  return Sized(std::move(job));
}

JobPtr Close() { return NewJob(Request::kClose); }

JobPtr Open(const std::string& file, const Settings& settings) {
  JobPtr job = NewJob(Request::kOpen);
  Entries& entries = job->entries;
  entries.AddText(file);
  entries.AddNumber(settings.readonly ? 1 : 0);
  entries.AddNumber(settings.must_exist ? 1 : 0);
  entries.AddNumber(settings.reader ? 1 : 0);
  entries.AddNumber(settings.double_quoted_strings ? 1 : 0);
  entries.AddNumber(settings.busy_timeout_ms);
  entries.AddNumber(static_cast<double>(settings.integer_mode));
  entries.AddNumber(settings.statement_cache_size);
  entries.AddText(settings.journal_mode);
  entries.AddNumber(static_cast<double>(settings.pragmas.size()));
  for (const std::string& pragma : settings.pragmas) entries.AddText(pragma);
  entries.AddNumber(0);  // extensions
  return job;
}

JobPtr OpenCursor(int batch_size, const Query& query) {
  JobPtr job = NewJob(Request::kOpenCursor);
  job->entries.AddNumber(batch_size);
  AddQuery(job->entries, query);
  return Sized(std::move(job));
}

JobPtr Define(int kind, const std::string& name, int argument_count, int function) {
  return Ask(Request::kDefine, {kind, name, argument_count, 1, 0, function});
}

JobPtr Ask(Request request, const Params& values) {
  JobPtr job = NewJob(request);
  for (const Param& value : values) Add(job->entries, value);
  return Sized(std::move(job));
}

JobPtr In(LaneId lane, JobPtr job) {
  job->lane = lane;
  return job;
}

JobPtr Under(uint8_t policy, JobPtr job) {
  job->policy = policy;
  return job;
}

JobPtr Within(milliseconds timeout, JobPtr job) {
  job->deadline = Clock::now() + timeout;
  job->cancellable = true;
  return job;
}

JobPtr Cancellable(JobPtr job) {
  job->cancellable = true;
  return job;
}

LaneId NewLane() { return ++last_lane; }

}  // namespace aiosqlite::test

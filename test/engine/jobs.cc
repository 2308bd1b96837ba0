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
  job->byte_size = job->packet.ByteSize();
  return job;
}

void AddParams(Packet& packet, const Params& params) {
  packet.AddNumber(static_cast<double>(params.size()));
  for (const Param& param : params) Add(packet, param);
}

void AddQuery(Packet& packet, const Query& query) {
  packet.AddText(query.sql);
  int settings = static_cast<int>(query.mode) | static_cast<int>(query.if_none) << setting::kIfNoneAt;
  if (query.wants_columns) settings |= setting::kWantsColumns;
  if (!query.json_columns.empty()) settings |= setting::kHasJsonColumns;
  packet.AddNumber(settings);
  std::string names;
  for (const std::string& name : query.json_columns) {
    if (&name != &query.json_columns.front()) names.push_back('\0');
    names.append(name);
  }
  if (!query.json_columns.empty()) packet.AddText(names);
  if (query.named.empty()) return AddParams(packet, query.params);
  packet.AddNumber(-static_cast<double>(query.named.size()));
  for (const auto& [name, param] : query.named) {
    packet.AddText(name);
    Add(packet, param);
  }
}

}  // namespace

void Add(Packet& packet, const Param& param) {
  switch (param.tag) {
    case Tag::kInteger:
      return packet.AddNumber(static_cast<double>(param.integer));
    case Tag::kReal:
      return packet.AddReal(param.real);
    case Tag::kText:
      return packet.AddText(param.bytes);
    case Tag::kInt64:
      packet.Add(Tag::kInt64, 0);
      std::memcpy(&packet.slots.back(), &param.integer, sizeof param.integer);
      return;
    case Tag::kBlob:
      packet.Add(Tag::kBlob, static_cast<double>(packet.blobs.size()));
      packet.blobs.push_back(param.bytes);
      return;
    case Tag::kShared:
      return packet.AddShared(std::make_shared<const std::string>(param.bytes));
    case Tag::kArray:
      return packet.AddArray(static_cast<size_t>(param.integer));
    default:
      return packet.AddNull();
  }
}

JobPtr Run(const Query& query) {
  JobPtr job = NewJob(Request::kRun);
  AddQuery(job->packet, query);
  return Sized(std::move(job));
}

JobPtr Run(const std::string& sql, const Params& params) { return Run(Query{sql, params}); }

JobPtr All(const std::string& sql, const Params& params) { return Run(Query{sql, params, RowMode::kArray}); }

JobPtr Many(const std::string& sql, const std::vector<Params>& sets) {
  JobPtr job = NewJob(Request::kMany);
  job->packet.AddText(sql);
  job->packet.AddNumber(static_cast<double>(sets.size()));
  for (const Params& params : sets) AddParams(job->packet, params);
  return Sized(std::move(job));
}

JobPtr Batch(const std::vector<Query>& queries) {
  JobPtr job = NewJob(Request::kBatch);
  job->packet.AddNumber(static_cast<double>(queries.size()));
  for (const Query& query : queries) AddQuery(job->packet, query);
  return Sized(std::move(job));
}

JobPtr Script(const std::string& sql) {
  JobPtr job = NewJob(Request::kScript);
  job->packet.AddText(sql);
  return Sized(std::move(job));
}

JobPtr Begin(LaneId lane, BeginMode mode) {
  JobPtr job = NewJob(Request::kBegin);
  job->packet.AddNumber(lane);
  job->packet.AddNumber(static_cast<double>(mode));
  return Sized(std::move(job));
}

JobPtr End(LaneId lane, EndMode mode) {
  JobPtr job = NewJob(Request::kEnd);
  job->lane = lane;
  job->packet.AddNumber(static_cast<double>(mode));
  return Sized(std::move(job));
}

JobPtr Close() { return NewJob(Request::kClose); }

JobPtr Open(const std::string& file, const Settings& settings) {
  JobPtr job = NewJob(Request::kOpen);
  Packet& packet = job->packet;
  packet.AddText(file);
  packet.AddNumber(settings.readonly ? 1 : 0);
  packet.AddNumber(settings.must_exist ? 1 : 0);
  packet.AddNumber(settings.reader ? 1 : 0);
  packet.AddNumber(settings.double_quoted_strings ? 1 : 0);
  packet.AddNumber(settings.busy_timeout_ms);
  packet.AddNumber(static_cast<double>(settings.integer_mode));
  packet.AddNumber(settings.statement_cache_size);
  packet.AddText(settings.journal_mode);
  packet.AddNumber(static_cast<double>(settings.pragmas.size()));
  for (const std::string& pragma : settings.pragmas) packet.AddText(pragma);
  packet.AddNumber(0);  // extensions
  return job;
}

JobPtr OpenCursor(int batch_size, const Query& query) {
  JobPtr job = NewJob(Request::kOpenCursor);
  job->packet.AddNumber(batch_size);
  AddQuery(job->packet, query);
  return Sized(std::move(job));
}

JobPtr Define(int kind, const std::string& name, int argument_count, int function) {
  return Ask(Request::kDefine, {kind, name, argument_count, 1, 0, function});
}

JobPtr Ask(Request request, const Params& entries) {
  JobPtr job = NewJob(request);
  for (const Param& entry : entries) Add(job->packet, entry);
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

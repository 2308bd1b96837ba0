#include "support.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "engine/library.h"
#include "engine/number_text.h"

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
  packet.AddNumber(static_cast<double>(query.mode));
  packet.AddNumber(query.wants_columns ? 1 : 0);
  packet.AddNumber(static_cast<double>(query.if_none));
  packet.AddNumber(static_cast<double>(query.json_columns.size()));
  for (const std::string& name : query.json_columns) packet.AddText(name);
  if (query.named.empty()) return AddParams(packet, query.params);
  packet.AddNumber(-static_cast<double>(query.named.size()));
  for (const auto& [name, param] : query.named) {
    packet.AddText(name);
    Add(packet, param);
  }
}

// As binding/engine/job.h says; read back by OpenOptions::Read.
OpenOptions OptionsOf(const Job& job) {
  PacketReader packet(job.packet);
  return OpenOptions::Read(packet);
}

// The elements of a JSON array, as they are written.
std::vector<std::string> Elements(const std::string& array) {
  std::vector<std::string> elements;
  int depth = 0;
  bool quoted = false;
  size_t begin = 1;
  for (size_t i = 0; i < array.size(); ++i) {
    const char c = array[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    if (c == '[' || c == '{') ++depth;
    const bool last = (c == ']' || c == '}') && --depth == 0;
    if (last ? i > begin : c == ',' && depth == 1) {
      elements.push_back(array.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  return elements;
}

// One row after another: what is packed, as the JSON that would stand for it.
void Unpack(const PackedRows& packed, std::string& rows) {
  const std::vector<std::string> texts = Elements(packed.texts);
  const size_t width = packed.tags.size() / packed.rows;
  size_t number = 0;
  size_t text = 0;
  for (size_t cell = 0; cell < packed.tags.size(); ++cell) {
    rows.append(cell % width > 0 ? "," : rows.size() > 1 ? ",[" : "[");
    switch (static_cast<Tag>(packed.tags[cell])) {
      case Tag::kReal: {
        double value;
        std::memcpy(&value, &packed.numbers[number++], sizeof value);
        // Whole numbers in full, as the first rows have integers: 100000 and not 1e+05.
        if (value == std::floor(value) && std::fabs(value) < 1e15) {
          AppendInteger(rows, static_cast<int64_t>(value));
        } else {
          AppendReal(rows, value);
        }
        break;
      }
      case Tag::kText:
        rows.append(texts[text++]);
        break;
      case Tag::kNull:
        rows.append("null");
        break;
      default:
        rows.append("null");
        ++number;
    }
    if ((cell + 1) % width == 0) rows.push_back(']');
  }
}

#if defined(_WIN32)
FILE* OpenPipe(const std::string& command) { return _popen(command.c_str(), "r"); }
void ClosePipe(FILE* pipe) { _pclose(pipe); }
#else
FILE* OpenPipe(const std::string& command) { return popen(command.c_str(), "r"); }
void ClosePipe(FILE* pipe) { pclose(pipe); }
#endif

std::string Program() {
#if defined(__linux__)
  return std::filesystem::read_symlink("/proc/self/exe").string();
#else
  return "engine_test";
#endif
}

}  // namespace

void Add(Packet& packet, const Param& param) {
  switch (param.tag) {
    case Tag::kNull:
      return packet.AddNull();
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

void Outcomes::Post(std::vector<Outcome>&& outcomes) {
  std::function<void(const std::vector<Outcome>&)> hook;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    hook = hook_;
  }
  if (hook) hook(outcomes);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Outcome& outcome : outcomes) {
      const JobId id = outcome.id;
      ++times_[id];
      order_.push_back(id);
      outcomes_[id] = std::move(outcome);
    }
  }
  posted_.notify_all();
}

Outcome Outcomes::Await(JobId id) {
  std::unique_lock<std::mutex> lock(mutex_);
  const bool came =
      posted_.wait_for(lock, std::chrono::seconds(30), [&] { return outcomes_.count(id) != 0; });
  if (came) return outcomes_[id];
  Fail(__FILE__, __LINE__, "job " + std::to_string(id) + " was never settled");
  Outcome outcome;
  outcome.id = id;
  outcome.failure.emplace();
  outcome.failure->code = "NEVER";
  return outcome;
}

bool Outcomes::Has(JobId id) const { return Times(id) != 0; }

size_t Outcomes::Times(JobId id) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = times_.find(id);
  return found == times_.end() ? 0 : found->second;
}

std::vector<JobId> Outcomes::Order() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return order_;
}

void Outcomes::OnPost(std::function<void(const std::vector<Outcome>&)> hook) {
  const std::lock_guard<std::mutex> lock(mutex_);
  hook_ = std::move(hook);
}

std::string CodeOf(const Outcome& outcome) { return outcome.failure ? outcome.failure->code : ""; }

std::string RowsOf(const Outcome& outcome, size_t index) {
  if (index >= outcome.results.size()) return "no result: " + CodeOf(outcome);
  const Result& result = outcome.results[index];
  if (result.first.text.empty()) return "[]";
  std::string rows = Elements(result.first.text).front();
  rows.pop_back();
  for (const PackedRows& packed : result.rest) Unpack(packed, rows);
  return rows + "]";
}

TempFile::TempFile() {
  static std::atomic<int> count{0};
  static const unsigned process = std::random_device{}();
  const std::string name =
      "aiosqlite-test-" + std::to_string(process) + "-" + std::to_string(++count) + ".db";
  path_ = (std::filesystem::temp_directory_path() / name).string();
}

TempFile::~TempFile() {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"})
    std::filesystem::remove(path_ + suffix, ignored);
}

void TempFile::Write(const std::string& bytes) const {
  std::ofstream(path_, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

int CommitsInWal(const std::string& path) {
  std::ifstream file(path + "-wal", std::ios::binary);
  const std::string wal((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto number = [&wal](size_t at) {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(wal[i]);
    return value;
  };
  if (wal.size() < 32) return 0;
  const size_t page = number(8);
  int commits = 0;
  for (size_t at = 32; at + 24 + page <= wal.size(); at += 24 + page) {
    const bool current =
        wal.compare(at + 8, 8, wal, 16, 8) == 0;  // the salts of this WAL, not of the one before
    if (current && number(at + 4) != 0) ++commits;
  }
  return commits;
}

Client::Client(const std::string& file, const Settings& settings)
    : Client(1, std::make_shared<Inbox>(Inbox::Limits{}), file, settings) {}

Client::Client(uint32_t number, std::shared_ptr<Inbox> inbox, const std::string& file,
               const Settings& settings)
    : inbox_(std::move(inbox)) {
  JobPtr open = Open(file, settings);
  const JobId id = open->id;
  worker_ = std::make_unique<Worker>(number, inbox_, outcomes_, std::move(open), kMainLane);
  opened_ = Await(id);
}

Client::~Client() { worker_.reset(); }

std::vector<JobId> Client::SendAll(std::vector<JobPtr> jobs) {
  std::vector<JobId> ids;
  for (JobPtr& job : jobs) {
    ids.push_back(job->id);
    if (!inbox_->Stage(std::move(job))) Fail(__FILE__, __LINE__, "the queue is full");
  }
  inbox_->Publish();
  return ids;
}

JobId Client::Send(JobPtr job) {
  std::vector<JobPtr> one;
  one.push_back(std::move(job));
  return SendAll(std::move(one)).front();
}

std::vector<Outcome> Client::AwaitAll(const std::vector<JobId>& ids) {
  std::vector<Outcome> outcomes;
  for (const JobId id : ids) outcomes.push_back(Await(id));
  return outcomes;
}

Outcome Client::Do(JobPtr job) { return Await(Send(std::move(job))); }

Outcome Client::Must(JobPtr job) {
  Outcome outcome = Do(std::move(job));
  if (outcome.failure) Fail(__FILE__, __LINE__, outcome.failure->code + ": " + outcome.failure->message);
  return outcome;
}

std::string Client::Rows(const std::string& sql, const Params& params) {
  return RowsOf(Must(All(sql, params)));
}

void Client::Exec(const std::string& script) { Must(Script(script)); }

Local::Local(const std::string& file, const Settings& settings)
    : database_(OptionsOf(*Open(file, settings)), running_, counters_, nullptr) {
  std::string journal_mode;
  if (auto failure = database_.Open(journal_mode)) Fail(__FILE__, __LINE__, failure->message);
}

std::optional<Failure> Local::Run(const Query& query, Outcome& outcome) {
  return database_.Run(*test::Run(query), outcome);
}

std::string Local::Rows(const Query& query) {
  Outcome outcome;
  if (auto failure = Run(query, outcome)) {
    Fail(__FILE__, __LINE__, failure->code + ": " + failure->message);
    return failure->code;
  }
  return RowsOf(outcome);
}

OtherProcess::OtherProcess(const std::string& file) : release_(file + ".release") {
  pipe_ = OpenPipe("\"" + Program() + "\" --hold-lock \"" + file + "\" \"" + release_ + "\"");
  char line[32] = "";
  if (pipe_ == nullptr || std::fgets(line, sizeof line, pipe_) == nullptr ||
      std::strcmp(line, "locked\n") != 0)
    Fail(__FILE__, __LINE__, "the other process does not hold the lock");
}

OtherProcess::~OtherProcess() {
  std::ofstream(release_).put('!');
  if (pipe_ != nullptr) ClosePipe(pipe_);
  std::error_code ignored;
  std::filesystem::remove(release_, ignored);
}

int HoldLock(const std::string& file, const std::string& release) {
  Client client(file);
  if (client.Do(Run("BEGIN IMMEDIATE")).failure) return 1;
  std::puts("locked");
  std::fflush(stdout);
  const Stopwatch watch;
  while (!std::filesystem::exists(release) && watch.elapsed() < std::chrono::seconds(60))
    std::this_thread::sleep_for(milliseconds(2));
  return client.Do(Run("COMMIT")).failure ? 1 : 0;
}

bool IsSlow() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  return true;
#endif
#endif
  const std::vector<std::string> options = SqliteCompileOptions();
  return std::find(options.begin(), options.end(), "DEBUG") != options.end();
}

bool OnOneOfManyTries(const std::function<bool()>& attempt) {
  for (int tries = 0; tries < 50; ++tries) {
    if (attempt()) return true;
  }
  return false;
}

}  // namespace aiosqlite::test

#include "files.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "support.h"

namespace aiosqlite::test {
namespace {

#if defined(_WIN32)
// cmd.exe takes the outermost quotes away.
FILE* OpenPipe(const std::string& command) { return _popen(('"' + command + '"').c_str(), "r"); }
void ClosePipe(FILE* pipe) { _pclose(pipe); }
#else
FILE* OpenPipe(const std::string& command) { return popen(command.c_str(), "r"); }
void ClosePipe(FILE* pipe) { pclose(pipe); }
#endif

// How a shell starts this program. One for another processor needs what runs it.
std::string Program() {
  const char* const emulator = std::getenv("AIOSQLITE_EMULATOR");
  return (emulator == nullptr ? "" : std::string(emulator) + ' ') + '"' + program_path + '"';
}

}  // namespace

std::string program_path;

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

void TempFile::CopyAfterCrash(const std::string& path) const {
  for (const char* suffix : {"", "-wal"}) {
    std::ifstream source(path + suffix, std::ios::binary);
    std::ofstream(path_ + suffix, std::ios::binary)
        << std::string(std::istreambuf_iterator<char>(source), {});
  }
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

OtherProcess::OtherProcess(const std::string& file) : release_(file + ".release") {
  pipe_ = OpenPipe(Program() + " --hold-lock \"" + file + "\" \"" + release_ + "\"");
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
  while (!std::filesystem::exists(release) && watch.elapsed() < std::chrono::minutes(10))
    std::this_thread::sleep_for(milliseconds(2));
  return client.Do(Run("COMMIT")).failure ? 1 : 0;
}

}  // namespace aiosqlite::test

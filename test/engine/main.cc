// Runs the engine's tests without Node: `engine_test [part of a title]`.
// Closes with "engine_test: N passed, N failed"; exits 1 if any failed.
#include <atomic>
#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include "failing_allocator.h"
#include "files.h"
#include "support.h"
#include "test.h"

namespace aiosqlite::test {
namespace {

struct Test {
  std::string title;
  std::function<void()> body;
};

// A function, because tests register before main() in no particular order.
std::vector<Test>& Tests() {
  static std::vector<Test> tests;
  return tests;
}

std::atomic<bool> failed{false};

bool Passes(const Test& test) {
  failed = false;
  try {
    test.body();
  } catch (const std::exception& error) {
    Fail("exception", 0, error.what());
  }
  std::printf("%s %s\n", failed ? "not ok" : "ok", test.title.c_str());
  return !failed;
}

}  // namespace

Registration::Registration(const char* title, std::function<void()> body) {
  Tests().push_back({title, std::move(body)});
}

void Fail(const char* file, int line, const std::string& what) {
  failed = true;
  std::printf("  %s:%d: %s\n", file, line, what.c_str());
}

bool Failed() { return failed; }

int RunAll(const std::string& filter) {
  std::setvbuf(stdout, nullptr, _IONBF, 0);  // printed lines must survive a crash
  int passed = 0, failures = 0;
  for (const Test& test : Tests()) {
    if (test.title.find(filter) == std::string::npos) continue;
    if (Passes(test)) {
      ++passed;
    } else {
      ++failures;
    }
  }
  std::printf("engine_test: %d passed, %d failed\n", passed, failures);
  return failures;
}

}  // namespace aiosqlite::test

int main(int argc, char** argv) {
  aiosqlite::test::InstallFailingAllocator();
  if (argc == 4 && std::string_view(argv[1]) == "--hold-lock")
    return aiosqlite::test::HoldLock(argv[2], argv[3]);
  aiosqlite::test::program_path = argv[0];
  return aiosqlite::test::RunAll(argc > 1 ? argv[1] : "") == 0 ? 0 : 1;
}

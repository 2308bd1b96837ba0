// A test harness in one screen: no package that can be pinned here carries a well-kept C++ one.
//
//   TEST("a closed worker takes no jobs") {
//     EXPECT(queue.empty());
//   }
//
// TEST and EXPECT are the only macros of this project: a test must register itself and say where it failed.
#pragma once

#include <functional>
#include <string>

namespace aiosqlite::test {

/// Adds a test to those that main() runs. Call from any static initializer.
struct Registration {
  Registration(const char* title, std::function<void()> body);
};

/// Notes that the running test has failed. It goes on, so that a test shows all that is wrong. Any thread.
void Fail(const char* file, int line, const std::string& what);

/// Whether the running test has failed so far. Any thread.
bool Failed();

/// Runs every test whose title contains `filter`; returns how many failed.
int RunAll(const std::string& filter);

}  // namespace aiosqlite::test

#define AIOSQLITE_JOIN_(a, b) a##b
#define AIOSQLITE_JOIN(a, b) AIOSQLITE_JOIN_(a, b)

#define TEST(title)                                                                  \
  static void AIOSQLITE_JOIN(Test, __LINE__)();                                      \
  static const aiosqlite::test::Registration AIOSQLITE_JOIN(registration, __LINE__)( \
      title, AIOSQLITE_JOIN(Test, __LINE__));                                        \
  static void AIOSQLITE_JOIN(Test, __LINE__)()

#define EXPECT(condition)                                                               \
  do {                                                                                  \
    if (!(condition)) aiosqlite::test::Fail(__FILE__, __LINE__, "not so: " #condition); \
  } while (false)

#include "support.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "engine/sqlite/library.h"

namespace aiosqlite::test {

bool IsSlow() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  return true;
#endif
#endif
  const std::vector<std::string> options = SqliteCompileOptions();
  // Emulators and valgrind are not seen from inside.
  return std::getenv("AIOSQLITE_SLOW") != nullptr ||
         std::find(options.begin(), options.end(), "DEBUG") != options.end();
}

bool IsSoak() {
  const char* const soak = std::getenv("AIOSQLITE_SOAK");
  return soak != nullptr && std::string(soak) == "1";
}

void Until(const std::function<bool()>& condition) {
  const Stopwatch watch;
  while (!condition()) {
    if (watch.elapsed() > std::chrono::minutes(1)) return Fail(__FILE__, __LINE__, "waited for in vain");
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

bool OnOneOfManyTries(const std::function<bool()>& attempt) {
  const int most = IsSlow() ? 500 : 50;
  for (int tries = 0; tries < most; ++tries) {
    if (attempt()) return true;
  }
  return false;
}

}  // namespace aiosqlite::test

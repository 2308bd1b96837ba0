// Code that hostile bytes can reach: fed by libFuzzer (scripts/fuzz.mjs), and with changed seeds by
// engine_test. Entries of calls are left out: only TypeScript makes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aiosqlite::test {

struct FuzzTarget {
  const char* name;
  /// Aborts if something is not as it must be.
  void (*run)(std::string_view bytes);
  std::vector<std::string> (*seeds)();
};

const std::vector<FuzzTarget>& FuzzTargets();

}  // namespace aiosqlite::test

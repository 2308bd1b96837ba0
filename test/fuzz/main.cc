// libFuzzer's side of the fuzz targets (llvm.org/docs/LibFuzzer.html). AIOSQLITE_FUZZ_TARGET says which one;
// with AIOSQLITE_FUZZ_SEEDS its seeds are written into that folder, and that is all.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "engine/fuzz_targets.h"
#include "engine/test.h"

namespace aiosqlite::test {

// What the tests' helpers find wrong ends the fuzzer.
void Fail(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  std::abort();
}

namespace {

const FuzzTarget& Target() {
  static const FuzzTarget& target = []() -> const FuzzTarget& {
    const char* const name = std::getenv("AIOSQLITE_FUZZ_TARGET");
    for (const FuzzTarget& one : FuzzTargets()) {
      if (name != nullptr && std::string(one.name) == name) return one;
    }
    std::fprintf(stderr, "AIOSQLITE_FUZZ_TARGET names no target\n");
    std::exit(2);
  }();
  return target;
}

}  // namespace
}  // namespace aiosqlite::test

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const aiosqlite::test::FuzzTarget& target = aiosqlite::test::Target();
  const char* const folder = std::getenv("AIOSQLITE_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : target.seeds()) {
    const std::string path = std::string(folder) + "/seed-" + std::to_string(++number);
    std::ofstream(path, std::ios::binary).write(seed.data(), static_cast<std::streamsize>(seed.size()));
  }
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  aiosqlite::test::Target().run({reinterpret_cast<const char*>(data), size});
  return 0;
}

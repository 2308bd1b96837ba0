// The fuzz targets over their seeds, and over seeds that are changed a little: the short version of
// scripts/fuzz.mjs.
#include <cstdio>
#include <random>

#include "fuzz_targets.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

// Bytes flipped, pieces cut out, doubled or moved.
std::string Changed(std::string bytes, std::mt19937& random) {
  for (unsigned times = 1 + random() % 4; times > 0 && !bytes.empty(); --times) {
    const size_t at = random() % bytes.size();
    const size_t length = std::min<size_t>(1 + random() % 64, bytes.size() - at);
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(random() % bytes.size(), bytes.substr(at, length));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

}  // namespace

TEST("hostile bytes come to a failure or to a result: JSON, SQL, database files, changesets") {
  std::mt19937 random(20'251'125);
  const int rounds = IsSoak() ? 2'000 : 40;
  for (const FuzzTarget& target : FuzzTargets()) {
    const std::vector<std::string> seeds = target.seeds();
    for (const std::string& seed : seeds) {
      target.run(seed);
      for (int i = 0; i < rounds; ++i) target.run(Changed(seed, random));
    }
    std::printf("  %s: %zu seeds, %d changes of each\n", target.name, seeds.size(), rounds);
  }
}

}  // namespace aiosqlite::test

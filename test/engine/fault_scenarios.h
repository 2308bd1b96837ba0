// Scenarios to run while the disk or the memory fails.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fault_session.h"

namespace aiosqlite::test {

/// A database as bytes: the file, and what stands beside it.
struct Image {
  std::string file;
  std::string wal;
  std::string journal;

  static Image Of(const std::string& path);
  void WriteTo(const std::string& path) const;
};

struct FaultScenario {
  const char* title;
  Settings settings;
  /// The file that it begins with.
  std::function<Image()> prepare;
  std::function<void(FaultSession&)> run;
  bool only_reads = false;
};

const std::vector<FaultScenario>& FaultScenarios();

}  // namespace aiosqlite::test

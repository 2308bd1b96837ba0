// Content of a disk after a power cut: everything that was synced, and any part of the rest.
#pragma once

#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "faulty_vfs.h"

namespace aiosqlite::test {

/// Files by their path.
using Disk = std::map<std::string, std::string>;

/// Follows the calls to a FaultyVfs and knows at each moment what is certain to be on the disk.
class PowerCut {
 public:
  /// A call that is about to be made, and succeeds.
  void Follow(const Io& io);
  /// The disk if the power went now: of each file what was last synced, and a part of what came after, in
  /// pieces of a sector, in any order; files that were made but not synced may be missing, files that were
  /// deleted may be back.
  Disk After(std::mt19937& random) const;

 private:
  // A write, or a truncation without bytes.
  struct Change {
    bool truncates;
    size_t offset;
    std::string bytes;
  };
  struct File {
    bool durable = false;  // its name is on the disk
    std::string synced;
    std::vector<Change> changes;  // since then
    bool syncs_folder = false;    // with its next sync
    bool has_ghost = false;       // a file of this name was deleted, and the folder not synced
    std::string ghost;
  };

  void SyncFolder();
  static void Apply(const Change& change, std::string& bytes);
  static std::string Torn(const File& file, std::mt19937& random);

  std::map<std::string, File> files_;
};

}  // namespace aiosqlite::test

#include "power_cut.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace aiosqlite::test {
namespace {

// Unit that a disk writes as a whole.
constexpr size_t kSector = 512;

bool Chance(std::mt19937& random, unsigned percent) { return random() % 100 < percent; }

}  // namespace

void PowerCut::Follow(const Io& io) {
  if (io.path == nullptr) return;
  switch (io.call) {
    case IoCall::kOpen:
      // As SQLite's VFS for Unix does it: the first sync of a journal or a WAL syncs its folder too.
      if ((io.size & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0)
        files_[io.path].syncs_folder = true;
      break;
    case IoCall::kWrite:
      files_[io.path].changes.push_back({false,
                                         static_cast<size_t>(io.offset),
                                         {static_cast<const char*>(io.data), static_cast<size_t>(io.size)}});
      break;
    case IoCall::kTruncate:
      files_[io.path].changes.push_back({true, static_cast<size_t>(io.size), {}});
      break;
    case IoCall::kSync: {
      File& file = files_[io.path];
      for (const Change& change : file.changes) Apply(change, file.synced);
      file.changes.clear();
      file.durable = true;
      if (std::exchange(file.syncs_folder, false)) SyncFolder();
      break;
    }
    case IoCall::kDelete: {
      const auto found = files_.find(io.path);
      if (found == files_.end()) break;
      const bool folder_is_synced = io.size != 0;
      File after;
      if (!folder_is_synced) {
        const File& before = found->second;
        after.has_ghost = before.durable || before.has_ghost;
        after.ghost = before.durable ? before.synced : before.ghost;
      }
      found->second = std::move(after);
      break;
    }
    default:
      break;
  }
}

void PowerCut::SyncFolder() {
  for (auto& [_, file] : files_) {
    file.has_ghost = false;
    file.durable |= !file.changes.empty();
  }
}

Disk PowerCut::After(std::mt19937& random) const {
  Disk disk;
  for (const auto& [path, file] : files_) {
    const bool is_there = file.durable || (!file.changes.empty() && Chance(random, 50));
    if (is_there) {
      disk[path] = Torn(file, random);
    } else if (file.has_ghost && Chance(random, 50)) {
      disk[path] = file.ghost;
    }
  }
  return disk;
}

void PowerCut::Apply(const Change& change, std::string& bytes) {
  if (change.truncates) {
    bytes.resize(change.offset);
    return;
  }
  if (bytes.size() < change.offset + change.bytes.size()) bytes.resize(change.offset + change.bytes.size());
  std::copy(change.bytes.begin(), change.bytes.end(),
            bytes.begin() + static_cast<std::string::difference_type>(change.offset));
}

std::string PowerCut::Torn(const File& file, std::mt19937& random) {
  std::string bytes = file.synced;
  const std::vector<Change>& changes = file.changes;
  switch (random() % 4) {
    case 0:  // nothing of it
      break;
    case 1: {  // the first of them, in order
      const size_t count = random() % (changes.size() + 1);
      for (size_t i = 0; i < count; ++i) Apply(changes[i], bytes);
      break;
    }
    case 2:  // whole writes, any
      for (const Change& change : changes) {
        if (Chance(random, 50)) Apply(change, bytes);
      }
      break;
    default: {  // sectors, any
      const unsigned percent = 20 + random() % 70;
      for (const Change& change : changes) {
        if (change.truncates) {
          if (Chance(random, percent)) Apply(change, bytes);
          continue;
        }
        for (size_t at = 0; at < change.bytes.size();) {
          const size_t length = std::min(kSector - (change.offset + at) % kSector, change.bytes.size() - at);
          if (Chance(random, percent))
            Apply({false, change.offset + at, change.bytes.substr(at, length)}, bytes);
          at += length;
        }
      }
    }
  }
  return bytes;
}

}  // namespace aiosqlite::test

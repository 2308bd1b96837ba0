// A disk that fails where a test says so: a VFS around SQLite's own (sqlite.org/vfs.html).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

struct sqlite3_vfs;

namespace aiosqlite::test {

enum class IoCall : uint8_t {
  kOpen,
  kDelete,
  kAccess,
  kRead,
  kWrite,
  kTruncate,
  kSync,
  kFileSize,
  kLock,
  kUnlock,
  kShmMap,
  kShmLock,  // taking a lock of the shared memory; letting go of one can't fail
};
inline constexpr int kIoCalls = 12;
const char* NameOf(IoCall call);

/// What SQLite is about to ask of the disk.
struct Io {
  IoCall call;
  const char* path;  // null: a temporary file
  int64_t offset = 0;
  int64_t size = 0;            // of a read or a write; of a truncated file; the level of a lock
  const void* data = nullptr;  // of a write
};

/// What becomes of it. `half`: a write leaves its first half, a read gets its first half (a short read).
struct Fault {
  int code = 0;  // SQLITE_OK: it is done
  bool half = false;
};

/// SQLite's default VFS as long as it lives; no connection may outlive it. Any thread.
/// It never waits for the disk: what a sync would guarantee is the hook's business.
class FaultyVfs {
 public:
  using Hook = std::function<Fault(const Io&)>;

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  /// Asked before each call, on the thread that makes it. An empty one: a healthy disk.
  void OnCall(Hook hook);
  Fault Ask(const Io& io);
  sqlite3_vfs* inner() const { return inner_; }

 private:
  std::mutex mutex_;
  std::shared_ptr<const Hook> hook_;
  sqlite3_vfs* const inner_;
  const std::unique_ptr<sqlite3_vfs> vfs_;
};

}  // namespace aiosqlite::test

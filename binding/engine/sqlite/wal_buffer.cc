#include "engine/sqlite/wal_buffer.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

#include "engine/sqlite/file_methods.h"

namespace aiosqlite {
namespace {

// sqlite.org/fileformat2.html#the_write_ahead_log
constexpr int kWalHeader = 32;
constexpr int kFrameHeader = 24;
constexpr int kLargestFrame = kFrameHeader + 65536;
// A header is held only where the largest page has room behind it: with pages of 4 KiB, 16 frames. Below
// 128 KiB, which is more than the VFS writes with one call (seekAndWriteFd in os_unix.c).
constexpr int kCapacity = 15 * (kFrameHeader + 4096) + kLargestFrame;
static_assert(kCapacity < 0x1ffff);
// sqlite.org/walformat.html#wal_locks
constexpr int kWriteLock = 0;
constexpr int kNone = -1;

struct LockWatch;

// Of an open WAL, until it is closed.
struct WalBuffer : FileMethods {
  LockWatch* lock;
  bool locked = false;  // this connection holds the write lock

  std::unique_ptr<unsigned char[]> bytes = nullptr;
  sqlite3_int64 begin = 0;  // place in the file of what is held
  int held = 0;
  int commit_at = kNone;  // begin of the frame that commits in `bytes`: always the last one
  // Place of the next frame, if known: only frames that follow each other are held. SQLite also writes
  // headers and pages of earlier frames again.
  sqlite3_int64 next = kNone;
  sqlite3_int64 after_header = kNone;  // end of the last frame header that was written as it came

  sqlite3_int64 end() const { return begin + held; }

  void Drop() {
    held = 0;
    commit_at = kNone;
  }

  // Frames that could not be written stay: SQLite may read them until its rollback has ended. The one that
  // commits goes: it may never be written later.
  int Flush(sqlite3_file* file) {
    if (held == 0) return SQLITE_OK;
    const int rc = original->xWrite(file, bytes.get(), held, begin);
    if (rc == SQLITE_OK) {
      Drop();
    } else if (commit_at != kNone) {
      held = commit_at;
      commit_at = kNone;
      next = kNone;
    }
    return rc;
  }

  bool Hold(const void* data, int amount, sqlite3_int64 offset) {
    if (bytes == nullptr) bytes.reset(new (std::nothrow) unsigned char[kCapacity]);
    if (bytes == nullptr) return false;
    if (held == 0) begin = offset;
    const auto* from = static_cast<const unsigned char*>(data);
    std::copy(from, from + amount, bytes.get() + held);
    held += amount;
    next = offset + amount;
    return true;
  }

  int WriteThrough(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
    const bool completes = offset == after_header || (offset == 0 && amount == kWalHeader);
    next = completes ? offset + amount : kNone;
    after_header = amount == kFrameHeader ? offset + amount : kNone;
    const int rc = original->xWrite(file, data, amount, offset);
    if (rc != SQLITE_OK) next = after_header = kNone;
    return rc;
  }
};

// Of the database file, whose locks are those of the WAL, until it is closed.
struct LockWatch : FileMethods {
  WalBuffer* wal;
};

// The size of the database after a commit; zero in the header of any other frame.
bool Commits(const void* frame_header) {
  const auto* bytes = static_cast<const unsigned char*>(frame_header) + 4;
  return std::any_of(bytes, bytes + 4, [](unsigned char byte) { return byte != 0; });
}

int Write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
  WalBuffer& wal = MethodsOf<WalBuffer>(file);
  const bool is_header = amount == kFrameHeader;
  const bool is_held_page = wal.held > 0 && !is_header && wal.locked && offset == wal.end();
  const bool follows = is_held_page || (is_header && wal.locked && offset == wal.next);
  if (!follows || (is_header && wal.held + kLargestFrame > kCapacity)) {
    if (const int rc = wal.Flush(file); rc != SQLITE_OK) return rc;
  }
  const int at = wal.held;
  if (!follows || !wal.Hold(data, amount, offset)) return wal.WriteThrough(file, data, amount, offset);
  if (is_header) {
    wal.commit_at = Commits(data) ? at : kNone;
    return SQLITE_OK;
  }
  return wal.commit_at != kNone ? wal.Flush(file) : SQLITE_OK;
}

int Read(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset) {
  WalBuffer& wal = MethodsOf<WalBuffer>(file);
  if (wal.held > 0 && offset < wal.end() && offset + amount > wal.begin) {
    if (const int rc = wal.Flush(file); rc != SQLITE_OK) return rc;
  }
  return wal.original->xRead(file, to, amount, offset);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  WalBuffer& wal = MethodsOf<WalBuffer>(file);
  const int rc = wal.Flush(file);
  return rc != SQLITE_OK ? rc : wal.original->xTruncate(file, size);
}

int Sync(sqlite3_file* file, int flags) {
  WalBuffer& wal = MethodsOf<WalBuffer>(file);
  const int rc = wal.Flush(file);
  return rc != SQLITE_OK ? rc : wal.original->xSync(file, flags);
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  WalBuffer& wal = MethodsOf<WalBuffer>(file);
  const int rc = wal.Flush(file);
  return rc != SQLITE_OK ? rc : wal.original->xFileSize(file, size);
}

// Frames that are still held belong to no commit.
int CloseWal(sqlite3_file* file) {
  const std::unique_ptr<WalBuffer> wal(&MethodsOf<WalBuffer>(file));
  wal->lock->wal = nullptr;
  file->pMethods = wal->original;
  return file->pMethods->xClose(file);
}

int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  const LockWatch& lock = MethodsOf<LockWatch>(file);
  const bool is_write_lock =
      (flags & SQLITE_SHM_EXCLUSIVE) != 0 && offset <= kWriteLock && kWriteLock < offset + count;
  if (!is_write_lock || lock.wal == nullptr) return lock.original->xShmLock(file, offset, count, flags);
  // A commit has been written by now.
  lock.wal->Drop();
  lock.wal->locked = false;
  const int rc = lock.original->xShmLock(file, offset, count, flags);
  lock.wal->locked = rc == SQLITE_OK && (flags & SQLITE_SHM_LOCK) != 0;
  return rc;
}

int CloseDatabase(sqlite3_file* file) {
  const std::unique_ptr<LockWatch> lock(&MethodsOf<LockWatch>(file));
  file->pMethods = lock->original;
  return file->pMethods->xClose(file);
}

sqlite3_file* FileOf(sqlite3* db, int which) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK) return nullptr;
  return file == nullptr || file->pMethods == nullptr ? nullptr : file;
}

}  // namespace

void JoinWalWrites(sqlite3* db) {
  sqlite3_file* database = FileOf(db, SQLITE_FCNTL_FILE_POINTER);
  sqlite3_file* log = FileOf(db, SQLITE_FCNTL_JOURNAL_POINTER);
  if (database == nullptr || log == nullptr) return;
  // ClearRemainsOnWrite() has been here.
  const FileMethods& methods = MethodsOf<const FileMethods>(database);
  if (methods.own.xShmLock == &ShmLock) return;
  // On such a disk SQLite pads commits to whole sectors and splits pages at a sync (walWriteToLog in wal.c).
  if ((methods.original->xDeviceCharacteristics(database) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) == 0) return;
  auto lock = std::unique_ptr<LockWatch>(new (std::nothrow) LockWatch{methods, nullptr});
  auto wal =
      std::unique_ptr<WalBuffer>(new (std::nothrow) WalBuffer{{*log->pMethods, log->pMethods}, lock.get()});
  if (lock == nullptr || wal == nullptr) return;
  wal->own.xWrite = &Write;
  wal->own.xRead = &Read;
  wal->own.xTruncate = &Truncate;
  wal->own.xSync = &Sync;
  wal->own.xFileSize = &FileSize;
  wal->own.xClose = &CloseWal;
  lock->own.xShmLock = &ShmLock;
  lock->own.xClose = &CloseDatabase;
  lock->wal = wal.get();
  log->pMethods = &wal.release()->own;
  database->pMethods = &lock.release()->own;
}

}  // namespace aiosqlite

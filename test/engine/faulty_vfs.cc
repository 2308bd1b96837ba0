#include "faulty_vfs.h"

#include <sqlite3.h>

#include <cstring>
#include <new>

namespace aiosqlite::test {
namespace {

// SQLite gives the memory; the file of the VFS below stands behind this one in it.
struct File {
  sqlite3_file base;
  FaultyVfs* vfs;
  const char* path;

  static File& Of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static sqlite3_file* InnerOf(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(File));
  }
  static const sqlite3_io_methods& Methods(sqlite3_file* file) { return *InnerOf(file)->pMethods; }
  static Fault Ask(sqlite3_file* file, IoCall call, int64_t offset = 0, int64_t size = 0,
                   const void* data = nullptr) {
    const File& self = Of(file);
    return self.vfs->Ask({call, self.path, offset, size, data});
  }
};

int Close(sqlite3_file* file) { return File::Methods(file).xClose(File::InnerOf(file)); }

int Read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  const Fault fault = File::Ask(file, IoCall::kRead, offset, size);
  if (fault.code != SQLITE_OK && !fault.half) return fault.code;
  const int rc = File::Methods(file).xRead(File::InnerOf(file), to, size, offset);
  if (!fault.half || rc != SQLITE_OK) return rc;
  // sqlite.org/c3ref/io_methods.html: what could not be read must be zeros.
  std::memset(static_cast<char*>(to) + size / 2, 0, static_cast<size_t>(size - size / 2));
  return fault.code;
}

int Write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const Fault fault = File::Ask(file, IoCall::kWrite, offset, size, from);
  const int length = fault.half ? size / 2 : size;
  if (fault.code == SQLITE_OK || fault.half) {
    const int rc = File::Methods(file).xWrite(File::InnerOf(file), from, length, offset);
    if (rc != SQLITE_OK) return rc;
  }
  return fault.code;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const Fault fault = File::Ask(file, IoCall::kTruncate, 0, size);
  return fault.code != SQLITE_OK ? fault.code : File::Methods(file).xTruncate(File::InnerOf(file), size);
}

int Sync(sqlite3_file* file, int) { return File::Ask(file, IoCall::kSync).code; }

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  const Fault fault = File::Ask(file, IoCall::kFileSize);
  return fault.code != SQLITE_OK ? fault.code : File::Methods(file).xFileSize(File::InnerOf(file), size);
}

int Lock(sqlite3_file* file, int level) {
  const Fault fault = File::Ask(file, IoCall::kLock, 0, level);
  return fault.code != SQLITE_OK ? fault.code : File::Methods(file).xLock(File::InnerOf(file), level);
}

int Unlock(sqlite3_file* file, int level) {
  // It lets go all the same, as the operating system does when the file is closed.
  const Fault fault = File::Ask(file, IoCall::kUnlock, 0, level);
  const int rc = File::Methods(file).xUnlock(File::InnerOf(file), level);
  return fault.code != SQLITE_OK ? fault.code : rc;
}

int CheckReservedLock(sqlite3_file* file, int* taken) {
  const Fault fault = File::Ask(file, IoCall::kLock);
  return fault.code != SQLITE_OK ? fault.code
                                 : File::Methods(file).xCheckReservedLock(File::InnerOf(file), taken);
}

int FileControl(sqlite3_file* file, int operation, void* argument) {
  return File::Methods(file).xFileControl(File::InnerOf(file), operation, argument);
}

int SectorSize(sqlite3_file* file) { return File::Methods(file).xSectorSize(File::InnerOf(file)); }

int DeviceCharacteristics(sqlite3_file* file) {
  return File::Methods(file).xDeviceCharacteristics(File::InnerOf(file));
}

int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** mapped) {
  const Fault fault = File::Ask(file, IoCall::kShmMap, page, size);
  if (fault.code != SQLITE_OK) {
    *mapped = nullptr;
    return fault.code;
  }
  return File::Methods(file).xShmMap(File::InnerOf(file), page, size, extend, mapped);
}

int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  if ((flags & SQLITE_SHM_LOCK) != 0) {
    const Fault fault = File::Ask(file, IoCall::kShmLock, offset, flags);
    if (fault.code != SQLITE_OK) return fault.code;
  }
  return File::Methods(file).xShmLock(File::InnerOf(file), offset, count, flags);
}

void ShmBarrier(sqlite3_file* file) { File::Methods(file).xShmBarrier(File::InnerOf(file)); }

int ShmUnmap(sqlite3_file* file, int remove) {
  return File::Methods(file).xShmUnmap(File::InnerOf(file), remove);
}

// Version 2: shared memory, but no memory mapping, so that every read comes by.
constexpr sqlite3_io_methods kMethods = {2,
                                         &Close,
                                         &Read,
                                         &Write,
                                         &Truncate,
                                         &Sync,
                                         &FileSize,
                                         &Lock,
                                         &Unlock,
                                         &CheckReservedLock,
                                         &FileControl,
                                         &SectorSize,
                                         &DeviceCharacteristics,
                                         &ShmMap,
                                         &ShmLock,
                                         &ShmBarrier,
                                         &ShmUnmap,
                                         nullptr,
                                         nullptr};

FaultyVfs& VfsOf(sqlite3_vfs* vfs) { return *static_cast<FaultyVfs*>(vfs->pAppData); }

int Open(sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags) {
  File& self = *new (file) File{};
  const Fault fault = VfsOf(vfs).Ask({IoCall::kOpen, path, 0, flags});
  if (fault.code != SQLITE_OK) return fault.code;
  self.vfs = &VfsOf(vfs);
  self.path = path;  // sqlite.org/c3ref/vfs.html: it lives until the file is closed
  sqlite3_vfs* const inner = VfsOf(vfs).inner();
  const int rc = inner->xOpen(inner, path, File::InnerOf(file), flags, out_flags);
  if (File::InnerOf(file)->pMethods != nullptr) self.base.pMethods = &kMethods;
  return rc;
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  const Fault fault = VfsOf(vfs).Ask({IoCall::kDelete, path, 0, sync_folder});
  sqlite3_vfs* const inner = VfsOf(vfs).inner();
  return fault.code != SQLITE_OK ? fault.code : inner->xDelete(inner, path, 0);
}

int Access(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
  const Fault fault = VfsOf(vfs).Ask({IoCall::kAccess, path, 0, flags});
  sqlite3_vfs* const inner = VfsOf(vfs).inner();
  return fault.code != SQLITE_OK ? fault.code : inner->xAccess(inner, path, flags, result);
}

}  // namespace

const char* NameOf(IoCall call) {
  constexpr const char* kNames[kIoCalls] = {"open", "delete", "access", "read",   "write",   "truncate",
                                            "sync", "size",   "lock",   "unlock", "shm map", "shm lock"};
  return kNames[static_cast<int>(call)];
}

FaultyVfs::FaultyVfs() : inner_(sqlite3_vfs_find(nullptr)), vfs_(std::make_unique<sqlite3_vfs>(*inner_)) {
  // The other methods are inherited: they use none of our files, but need the pAppData of the VFS below.
  vfs_->zName = "faulty";
  vfs_->pNext = nullptr;
  vfs_->pAppData = this;
  vfs_->szOsFile = static_cast<int>(sizeof(File)) + inner_->szOsFile;
  vfs_->xOpen = &Open;
  vfs_->xDelete = &Delete;
  vfs_->xAccess = &Access;
  vfs_->xFullPathname = [](sqlite3_vfs* vfs, const char* path, int size, char* full) {
    sqlite3_vfs* const inner = VfsOf(vfs).inner();
    return inner->xFullPathname(inner, path, size, full);
  };
  sqlite3_vfs_register(vfs_.get(), 1);
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(vfs_.get());
  sqlite3_vfs_register(inner_, 1);
}

void FaultyVfs::OnCall(Hook hook) {
  auto shared = hook ? std::make_shared<const Hook>(std::move(hook)) : nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  hook_ = std::move(shared);
}

Fault FaultyVfs::Ask(const Io& io) {
  std::shared_ptr<const Hook> hook;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    hook = hook_;
  }
  return hook ? (*hook)(io) : Fault{};
}

}  // namespace aiosqlite::test

#include "engine/sqlite/page_remains.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "engine/sqlite/file_methods.h"

namespace aiosqlite {
namespace {

// sqlite.org/fileformat2.html
constexpr size_t kFileHeader = 100;
constexpr size_t kLeastPage = 512;
constexpr size_t kLargestPage = 65536;
constexpr int64_t kLockByte = int64_t{1} << 30;
// From here on the first byte of an overflow or freelist page, part of a page number, may look like a type.
constexpr int64_t kAmbiguousPages = int64_t{1} << 24;

size_t Big16(const unsigned char* at) { return static_cast<size_t>(at[0]) << 8 | at[1]; }

// Facts about a file's pages, from its header.
class Header {
 public:
  explicit Header(const unsigned char* bytes) : bytes_(bytes) {}
  size_t page_size() const { return Big16(bytes_ + 16) == 1 ? kLargestPage : Big16(bytes_ + 16); }
  bool wal() const { return bytes_[18] == 2; }
  // Whether this is a pointer map page, whose first byte looks like the type of a b-tree page.
  bool HasPointerMapAt(int64_t page) const {
    const bool has_maps = std::any_of(bytes_ + 52, bytes_ + 56, [](unsigned char byte) { return byte != 0; });
    if (!has_maps || page < 2) return false;
    const int64_t distance = static_cast<int64_t>(page_size() - bytes_[20]) / 5 + 1;
    const int64_t locked = kLockByte / static_cast<int64_t>(page_size()) + 1;
    return (page - 2) % distance == 0 || (page - 1 == locked && (page - 3) % distance == 0);
  }

 private:
  const unsigned char* bytes_;
};

struct Region {
  size_t begin = 0;
  size_t end = 0;
};

// The unallocated region of a b-tree page, between cell pointers and cells; empty of any other page.
Region Unallocated(const unsigned char* page, size_t size, bool is_first) {
  const size_t header = is_first ? kFileHeader : 0;
  const unsigned char type = page[header];
  const bool interior = type == 2 || type == 5;
  if (!interior && type != 10 && type != 13) return {};
  const size_t pointers = header + (interior ? 12 : 8);
  const size_t begin = pointers + 2 * Big16(page + header + 3);
  const size_t content = Big16(page + header + 5);
  const size_t end = content == 0 ? kLargestPage : content;
  if (begin > end || end > size) return {};
  return {begin, end};
}

bool HasBytes(const unsigned char* page, Region region) {
  return std::any_of(page + region.begin, page + region.end, [](unsigned char byte) { return byte != 0; });
}

// Whether the first byte of this page is the type of a b-tree page, if it looks like one. The header in the
// file is as new as the page: a checkpoint writes pages in order, and page 1 is among them if a transaction
// of theirs has changed it. Without a WAL it may be older, so such files are left alone.
bool IsUnambiguous(const sqlite3_io_methods& original, sqlite3_file* file, size_t size, int64_t page) {
  sqlite3_int64 file_size = 0;
  if (original.xFileSize(file, &file_size) != SQLITE_OK) return false;
  if (std::max<int64_t>(file_size / static_cast<int64_t>(size), page) >= kAmbiguousPages) return false;
  unsigned char bytes[kFileHeader] = {};
  if (original.xRead(file, bytes, sizeof(bytes), 0) != SQLITE_OK) return false;
  const Header header(bytes);
  return header.wal() && header.page_size() == size && !header.HasPointerMapAt(page);
}

int Write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
  const auto& original = *MethodsOf<const FileMethods>(file).original;
  const auto* page = static_cast<const unsigned char*>(data);
  const auto size = static_cast<size_t>(amount);
  const bool whole = size >= kLeastPage && size <= kLargestPage && offset % amount == 0;
  const Region region = whole ? Unallocated(page, size, offset == 0) : Region{};
  if (region.begin == region.end || !HasBytes(page, region) ||
      !IsUnambiguous(original, file, size, offset / amount + 1)) {
    return original.xWrite(file, data, amount, offset);
  }
  const std::unique_ptr<unsigned char[]> copy(new (std::nothrow) unsigned char[size]);
  if (copy == nullptr) return SQLITE_IOERR_NOMEM;
  std::memcpy(copy.get(), page, size);
  std::memset(copy.get() + region.begin, 0, region.end - region.begin);
  return original.xWrite(file, copy.get(), amount, offset);
}

// One for each kind of file, kept until the process ends.
const FileMethods* MethodsOver(const sqlite3_io_methods* original) {
  static auto& mutex = *new std::mutex;
  static auto& known = *new std::vector<std::unique_ptr<const FileMethods>>;
  const std::lock_guard lock(mutex);
  for (const auto& methods : known) {
    if (methods->original == original) return methods.get();
  }
  auto methods = std::make_unique<FileMethods>(FileMethods{*original, original});
  methods->own.xWrite = &Write;
  known.push_back(std::move(methods));
  return known.back().get();
}

}  // namespace

void ClearRemainsOnWrite(sqlite3* db) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return;
  if (file == nullptr || file->pMethods == nullptr || file->pMethods->xWrite == &Write) return;
  file->pMethods = &MethodsOver(file->pMethods)->own;
}

void ClearRemains(unsigned char* image, size_t size) {
  if (size < kFileHeader) return;
  const Header header(image);
  const size_t page_size = header.page_size();
  if (page_size < kLeastPage || size % page_size != 0) return;
  if (static_cast<int64_t>(size / page_size) >= kAmbiguousPages) return;
  for (size_t at = 0; at < size; at += page_size) {
    if (header.HasPointerMapAt(static_cast<int64_t>(at / page_size) + 1)) continue;
    const Region region = Unallocated(image + at, page_size, at == 0);
    std::memset(image + at + region.begin, 0, region.end - region.begin);
  }
}

}  // namespace aiosqlite

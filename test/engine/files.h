// Databases in the temporary folder, and other processes that lock them.
#pragma once

#include <cstdio>
#include <string>

namespace aiosqlite::test {

/// A path for a database in the temporary folder; the database and what SQLite puts beside it go with the
/// object.
class TempFile {
 public:
  TempFile();
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  const std::string& path() const { return path_; }
  void Write(const std::string& bytes) const;
  /// Copies a database and its WAL here, as a crash leaves them: without the shared memory.
  void CopyAfterCrash(const std::string& path) const;

 private:
  std::string path_;
};

/// Commits in the WAL beside a database: frames that carry the database's size
/// (sqlite.org/fileformat.html#the_wal_file_format). Exact as long as the WAL has not been started anew.
int CommitsInWal(const std::string& path);

/// Another process that holds the write lock of a database as long as this object lives.
class OtherProcess {
 public:
  explicit OtherProcess(const std::string& file);
  ~OtherProcess();
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

 private:
  const std::string release_;  // a file: once it is there, the other one lets go
  FILE* pipe_;
};
/// This program, which is started once more for that: main() sets it.
extern std::string program_path;
/// What that process does: main() calls it for `engine_test --hold-lock DATABASE RELEASE`.
int HoldLock(const std::string& file, const std::string& release);

}  // namespace aiosqlite::test

// The thread that starts it. A thread with a stack that is deep enough for SQLite; starting it can fail.
#pragma once

#include <functional>

#if defined(_WIN32)
#include <thread>
#else
#include <pthread.h>
#endif

namespace aiosqlite {

// std::thread has the stack that the system gives: 128 KiB with musl, 512 KiB on macOS. SQLite recurses
// through expressions and compound SELECTs (sqlite.org/limits.html), which takes more. And std::thread throws
// if the system gives no thread.
class Thread {
 public:
  Thread() = default;
  // The thread must have been joined.
  ~Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // Once. False if the system gives no thread.
  bool Start(std::function<void()> body);
  // Waits for its end, if it has been started.
  void Join();

 private:
  std::function<void()> body_;
#if defined(_WIN32)
  std::thread thread_;
#else
  pthread_t thread_{};
  bool started_ = false;
#endif
};

}  // namespace aiosqlite

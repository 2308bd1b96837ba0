// Any thread. Tells in debug builds that what belongs to one thread is used on another.
#pragma once

#include <cassert>
#include <thread>

namespace aiosqlite {

// A member of what belongs to the thread that makes it. In release builds it is empty and does nothing.
class OwnerThread {
 public:
#if defined(NDEBUG)
  OwnerThread() {}  // so that a constant member needs no initializer
  static void Check() {}
#else
  void Check() const { assert(owner_ == std::this_thread::get_id()); }

 private:
  const std::thread::id owner_ = std::this_thread::get_id();
#endif
};

}  // namespace aiosqlite

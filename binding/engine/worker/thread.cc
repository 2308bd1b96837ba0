#include "engine/worker/thread.h"

#include <cstddef>
#include <system_error>
#include <utility>

namespace aiosqlite {

#if defined(_WIN32)

// A program that Node is made as has 8 MB for each thread, too.
bool Thread::Start(std::function<void()> body) {
  body_ = std::move(body);
  try {
    thread_ = std::thread(body_);
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void Thread::Join() {
  if (thread_.joinable()) thread_.join();
}

#else

namespace {

// The default of glibc. It is address space; only used pages take memory.
constexpr size_t kStackBytes = size_t{8} << 20;

void* RunBody(void* body) {
  (*static_cast<std::function<void()>*>(body))();
  return nullptr;
}

}  // namespace

bool Thread::Start(std::function<void()> body) {
  body_ = std::move(body);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  started_ = pthread_create(&thread_, &attributes, &RunBody, &body_) == 0;
  pthread_attr_destroy(&attributes);
  return started_;
}

void Thread::Join() {
  if (std::exchange(started_, false)) pthread_join(thread_, nullptr);
}

#endif

}  // namespace aiosqlite

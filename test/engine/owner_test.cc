// Use of an object on a thread other than its owner ends the process, in builds with assertions.
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#if !defined(NDEBUG) && !defined(_WIN32)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#endif

#include "engine/features/resources.h"
#include "engine/worker/group_commit.h"
#include "engine/worker/owner.h"
#include "support.h"

namespace aiosqlite::test {
namespace {

#if !defined(NDEBUG) && !defined(_WIN32)

constexpr unsigned kLongestSeconds = 20;

// Whether `use` aborts, tried in a process of its own.
bool Aborts(const std::function<void()>& use) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{};
    setrlimit(RLIMIT_CORE, &no_core);
    static_cast<void>(std::freopen("/dev/null", "w", stderr));  // the assertion's text is expected
    alarm(kLongestSeconds);
    use();
    _exit(0);
  }
  int status = 0;
  EXPECT(child > 0 && waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

// An object that a thread of its own makes, keeps and destroys.
template <class Thing>
class Others {
 public:
  explicit Others(const std::function<std::unique_ptr<Thing>()>& make)
      : owner_([this, make] {
          const auto thing = make();
          made_.set_value(thing.get());
          tried_.get_future().wait();
        }),
        thing_(made_.get_future().get()) {}
  ~Others() {
    tried_.set_value();
    owner_.join();
  }
  Others(const Others&) = delete;
  Others& operator=(const Others&) = delete;

  Thing& operator*() { return *thing_; }

 private:
  std::promise<Thing*> made_;
  std::promise<void> tried_;
  std::thread owner_;
  Thing* const thing_;
};

template <class Thing>
void ExpectBound(const std::function<std::unique_ptr<Thing>()>& make,
                 const std::function<void(Thing&)>& use) {
  const auto own = make();
  EXPECT(!Aborts([&] { use(*own); }));
  Others<Thing> others(make);
  EXPECT(Aborts([&] { use(*others); }));
}

#endif

}  // namespace

#if defined(NDEBUG) || defined(_WIN32)

TEST("what belongs to one thread and is used on another aborts (not tried: no assertions here, or no fork)") {
}

#else

TEST("an OwnerThread that is checked on another thread aborts") {
  ExpectBound<OwnerThread>([] { return std::make_unique<OwnerThread>(); },
                           [](OwnerThread& owner) { owner.Check(); });
}

TEST("a Database that is used on another thread aborts: preparing, stepping, a checkpoint, closing") {
  const auto make = [] { return std::make_unique<Local>(); };
  // A script is compiled without PrepareOwn, so that this one aborts where it steps.
  ExpectBound<Local>(make, [](Local& local) { local.runner().RunScript(*Script("SELECT 1")); });
  ExpectBound<Local>(make, [](Local& local) {
    std::optional<Failure> failure;
    local->statements().PrepareOwn("SELECT 1", 0, failure);
  });
  ExpectBound<Local>(make, [](Local& local) { local->hooks().CheckpointIfDue(); });
  ExpectBound<Local>(make, [](Local& local) { std::destroy_at(&local); });
}

TEST("a GroupCommit that is used on another thread aborts") {
  Local local;
  Outcomes outcomes;
  const auto make = [&] {
    return std::make_unique<GroupCommit>(*local, local.runner(), local.queue(), local.running(), outcomes);
  };
  ExpectBound<GroupCommit>(make, [](GroupCommit& group) {
    Outcome outcome;
    group.RunAlone(*Run("SELECT 1"), outcome);
  });
  ExpectBound<GroupCommit>(make, [](GroupCommit& group) {
    JobPtr next;
    group.Run(Run("SELECT 1"), next);
  });
}

TEST("Resources that are used on another thread abort") {
  Local local;
  ExpectBound<Resources>([&] { return std::make_unique<Resources>(*local); },
                         [](Resources& resources) {
                           Outcome outcome;
                           const JobPtr job = OpenCursor(1, {"SELECT 1"});
                           resources.Serve(*job, outcome);
                         });
}

// The process that tries it has none of the threads: it would wait for ever where it is not stopped.
TEST("a Worker that is terminated by another thread than its maker's aborts") {
  Outcomes outcomes;
  Others<Worker> worker([&] {
    JobPtr open = Open(":memory:");
    const JobId id = open->id;
    auto made = std::make_unique<Worker>(1, std::make_shared<Queue>(Queue::Limits{}), outcomes,
                                         std::move(open), kMainLane);
    outcomes.Await(id);
    return made;
  });
  EXPECT(Aborts([&] { (*worker).Terminate(); }));
}

#endif

}  // namespace aiosqlite::test

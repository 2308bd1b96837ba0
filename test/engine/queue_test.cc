// The queue: order of jobs, limits, and withdrawal.
#include <algorithm>
#include <thread>

#include "support.h"

namespace aiosqlite::test {
namespace {

const std::atomic<bool> kRunning{false};

JobId Stage(Queue& queue, JobPtr job) {
  const JobId id = job->id;
  EXPECT(queue.Stage(std::move(job)));
  return id;
}

JobPtr Sized(size_t bytes) {
  JobPtr job = Run("SELECT 1");
  job->byte_size = bytes;
  return job;
}

// Takes out every job of the lane.
std::vector<JobId> TakeAll(Queue& queue, LaneId lane = kMainLane) {
  std::vector<JobId> ids;
  if (lane == kMainLane) {
    while (const JobPtr job = queue.TryTake()) ids.push_back(job->id);
  } else {
    for (const JobPtr& job : queue.RemoveLane(lane)) ids.push_back(job->id);
  }
  return ids;
}

}  // namespace

TEST("a queue gives jobs in the order in which they were staged, lane by lane") {
  Queue queue({});
  const LaneId lane = NewLane();
  const JobId a = Stage(queue, Run("a"));
  const JobId b = Stage(queue, In(lane, Run("b")));
  const JobId c = Stage(queue, Run("c"));
  const JobId d = Stage(queue, In(lane, Run("d")));
  EXPECT(queue.TryTake() == nullptr);  // not published
  EXPECT(queue.Ready() == 0);
  EXPECT(queue.pending() == 4);
  queue.Publish();
  EXPECT(queue.Ready() == 2);
  EXPECT(queue.Take(lane, kRunning)->id == b);
  EXPECT(queue.Take(kMainLane, kRunning)->id == a);
  EXPECT(queue.TryTake()->id == c);
  EXPECT(queue.Take(lane, kRunning)->id == d);
  EXPECT(queue.TryTake() == nullptr);
  EXPECT(queue.pending() == 0);
}

TEST("a queue that holds as many jobs as it may takes no more until one has left") {
  Queue queue({3, 1000});
  for (int i = 0; i < 3; ++i) Stage(queue, Run("x"));
  EXPECT(!queue.Stage(Run("one too many")));
  queue.Publish();
  EXPECT(!queue.Stage(Run("still")));
  EXPECT(queue.TryTake() != nullptr);
  Stage(queue, Run("now"));
  EXPECT(!queue.Stage(Run("full again")));
  EXPECT(queue.pending() == 3);
}

TEST("a queue that holds as many bytes as it may takes no more, but always one job") {
  Queue queue({100, 1000});
  Stage(queue, Sized(5000));  // it has room: it is empty
  EXPECT(!queue.Stage(Sized(1)));
  queue.Publish();
  EXPECT(queue.TryTake() != nullptr);
  Stage(queue, Sized(600));
  EXPECT(!queue.Stage(Sized(401)));
  Stage(queue, Sized(400));
  EXPECT(!queue.Stage(Sized(1)));
}

TEST("a full queue still takes the end of a lane and a close") {
  Queue queue({1, 1});
  Stage(queue, Sized(100));
  Stage(queue, End(NewLane(), EndMode::kCommit));
  Stage(queue, Close());
  EXPECT(!queue.Stage(Run("x")));
}

TEST("a job that was cancelled, drained or expired makes room again") {
  Queue queue({1, 1000});
  const JobId a = Stage(queue, Cancellable(Run("a")));
  EXPECT(queue.Cancel(a, false));
  const JobId b = Stage(queue, Run("b"));
  EXPECT(queue.Drain(kMainLane) == std::vector<JobId>{b});
  const JobId c = Stage(queue, Run("c"));
  queue.Publish();
  EXPECT(queue.Expire(Clock::now()) == std::vector<JobId>{c});
  EXPECT(queue.pending() == 0);
  Stage(queue, Run("d"));
}

TEST("cancelling a queued job takes exactly that one out, staged or published") {
  Queue queue({});
  const JobId a = Stage(queue, Cancellable(Run("a")));
  const JobId b = Stage(queue, Cancellable(Run("b")));
  EXPECT(queue.Cancel(a, true));
  EXPECT(!queue.Cancel(a, true));  // once
  queue.Publish();
  const JobId c = Stage(queue, Cancellable(Run("c")));
  const JobId d = Stage(queue, Cancellable(Run("d")));
  queue.Publish();
  EXPECT(queue.Cancel(c, false));
  EXPECT(TakeAll(queue) == (std::vector<JobId>{b, d}));
}

TEST("a job without a signal or a deadline can't be cancelled") {
  Queue queue({});
  const JobId id = Stage(queue, Run("a"));
  EXPECT(!queue.Cancel(id, true));
  queue.Publish();
  EXPECT(TakeAll(queue) == std::vector<JobId>{id});
}

TEST("a job that was taken is not taken back, but told; one that has ended is not found") {
  Queue queue({});
  const JobId id = Stage(queue, Cancellable(Run("a")));
  queue.Publish();
  const JobPtr job = queue.TryTake();
  EXPECT(!queue.Cancel(id, false));
  EXPECT(!job->cancelled);
  EXPECT(!queue.Cancel(id, true));
  EXPECT(job->cancelled);
  queue.Forget(*job);
  job->cancelled = false;
  EXPECT(!queue.Cancel(id, true));
  EXPECT(!job->cancelled);
}

TEST("draining a lane takes what waits there, tells what runs there, and leaves other lanes alone") {
  Queue queue({});
  const LaneId lane = NewLane();
  const JobId runs = Stage(queue, Cancellable(In(lane, Run("runs"))));
  queue.Publish();
  const JobPtr running = queue.Take(lane, kRunning);
  EXPECT(running->id == runs);
  const JobId published = Stage(queue, Cancellable(In(lane, Run("published"))));
  const JobId main = Stage(queue, Cancellable(Run("main")));
  queue.Publish();
  const JobId staged = Stage(queue, In(lane, Run("staged")));
  std::vector<JobId> drained = queue.Drain(lane);
  std::sort(drained.begin(), drained.end());
  EXPECT(drained == (std::vector<JobId>{published, staged}));
  EXPECT(running->cancelled);
  queue.Publish();
  EXPECT(TakeAll(queue) == std::vector<JobId>{main});
  EXPECT(TakeAll(queue, lane).empty());
}

TEST("expiring takes those that have waited too long in the main lane, but never the end of something") {
  Queue queue({});
  const LaneId lane = NewLane();
  const JobId old = Stage(queue, Cancellable(Run("old")));
  const JobId begin = Stage(queue, Begin(lane, BeginMode::kImmediate));
  const JobId close = Stage(queue, Close());
  const JobId close_blob = Stage(queue, test::Ask(Request::kCloseResource, {1}));
  Stage(queue, In(lane, Run("in a lane")));
  const JobId cancelled = Stage(queue, Cancellable(Run("cancelled")));
  queue.Publish();
  queue.Cancel(cancelled, false);
  std::this_thread::sleep_for(milliseconds(3));
  const auto time = Clock::now();
  std::this_thread::sleep_for(milliseconds(3));
  const JobId fresh = Stage(queue, Run("fresh"));
  queue.Publish();
  EXPECT(queue.Expire(time) == (std::vector<JobId>{old, begin}));
  EXPECT(!queue.Cancel(old, true));
  EXPECT(TakeAll(queue) == (std::vector<JobId>{close, close_blob, fresh}));
  EXPECT(TakeAll(queue, lane).size() == 1);
}

TEST("removing a lane gives back what still waited there, without what was cancelled") {
  Queue queue({});
  const LaneId lane = NewLane();
  const JobId a = Stage(queue, Cancellable(In(lane, Run("a"))));
  const JobId b = Stage(queue, Cancellable(In(lane, Run("b"))));
  queue.Publish();
  queue.Cancel(a, true);
  EXPECT(TakeAll(queue, lane) == std::vector<JobId>{b});
  EXPECT(TakeAll(queue, lane).empty());
  EXPECT(queue.pending() == 0);
}

TEST("who waits for a job gets it as soon as it is published, and null when stopped") {
  Queue queue({});
  for (int round = 0; round < 200; ++round) {
    std::atomic<bool> stopped{false};
    std::atomic<JobId> got{0};
    std::atomic<bool> ended{false};
    std::thread taker([&] {
      while (const JobPtr job = queue.Take(kMainLane, stopped)) got = job->id;
      ended = true;
    });
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(round));
    const JobId id = Stage(queue, Run("x"));
    queue.Publish();
    Until([&] { return got == id; });
    stopped = true;
    queue.WakeAll();
    taker.join();
    EXPECT(ended);
  }
}

TEST("several takers of one queue share its jobs, each taken once, in whatever lane they wait") {
  Queue queue({});
  const LaneId lane = NewLane();
  std::atomic<bool> stopped{false};
  std::mutex mutex;
  std::map<JobId, int> taken;
  const auto take = [&](LaneId from) {
    while (const JobPtr job = queue.Take(from, stopped)) {
      const std::lock_guard<std::mutex> lock(mutex);
      ++taken[job->id];
    }
  };
  std::vector<std::thread> takers;
  for (int i = 0; i < 3; ++i) takers.emplace_back(take, kMainLane);
  takers.emplace_back(take, lane);
  std::vector<JobId> ids;
  for (int i = 0; i < 3000; ++i) {
    ids.push_back(Stage(queue, In(i % 10 == 0 ? lane : kMainLane, Run("x"))));
    if (i % 3 != 0) queue.Publish();
  }
  queue.Publish();
  Until([&] { return queue.pending() == 0; });
  stopped = true;
  queue.WakeAll();
  for (std::thread& taker : takers) taker.join();
  EXPECT(taken.size() == ids.size());
  for (const JobId id : ids) EXPECT(taken[id] == 1);
}

TEST("a doze is ended by a cancellation and by WakeAll") {
  Queue queue({});
  const JobId id = Stage(queue, Cancellable(Run("x")));
  queue.Publish();
  const JobPtr job = queue.TryTake();
  for (const bool cancel : {true, false}) {
    std::atomic<bool> awake{false};
    std::thread sleeper([&] {
      queue.Doze(std::chrono::minutes(2));
      awake = true;
    });
    // Again and again: the sleeper may not have lain down yet.
    Until([&] {
      if (cancel) {
        queue.Cancel(id, true);
      } else {
        queue.WakeAll();
      }
      return awake.load();
    });
    sleeper.join();
  }
  queue.Forget(*job);
}

TEST("jobs that are made and cancelled again and again leave little behind, however long nobody takes any") {
  Queue queue(Queue::Limits{});
  std::vector<JobId> waiting;
  for (int i = 0; i < 50'000; ++i) {
    JobPtr job = Cancellable(Run("SELECT 1"));
    const JobId id = job->id;
    const bool stays = i % 1000 == 0;
    if (stays) waiting.push_back(id);
    queue.Stage(std::move(job));
    if (i % 3 != 0) queue.Publish();  // some are cancelled while they are only staged
    if (!stays) EXPECT(queue.Cancel(id, true));
    EXPECT(queue.Ready() <= 66 + waiting.size() * 2);
  }
  queue.Publish();
  EXPECT(queue.pending() == waiting.size());
  for (const JobId id : waiting) {
    const JobPtr job = queue.TryTake();
    EXPECT(job != nullptr && job->id == id);
  }
  EXPECT(queue.TryTake() == nullptr);
}

}  // namespace aiosqlite::test

// The inbox: order of jobs, limits, and withdrawal.
#include <algorithm>
#include <thread>

#include "support.h"

namespace aiosqlite::test {
namespace {

const std::atomic<bool> kRunning{false};

JobId Stage(Inbox& inbox, JobPtr job) {
  const JobId id = job->id;
  EXPECT(inbox.Stage(std::move(job)));
  return id;
}

JobPtr Sized(size_t bytes) {
  JobPtr job = Run("SELECT 1");
  job->byte_size = bytes;
  return job;
}

// Takes out every job of the lane.
std::vector<JobId> TakeAll(Inbox& inbox, LaneId lane = kMainLane) {
  std::vector<JobId> ids;
  if (lane == kMainLane) {
    while (const JobPtr job = inbox.TryTake()) ids.push_back(job->id);
  } else {
    for (const JobPtr& job : inbox.RemoveLane(lane)) ids.push_back(job->id);
  }
  return ids;
}

}  // namespace

TEST("an inbox gives jobs in the order in which they were staged, lane by lane") {
  Inbox inbox({});
  const LaneId lane = NewLane();
  const JobId a = Stage(inbox, Run("a"));
  const JobId b = Stage(inbox, In(lane, Run("b")));
  const JobId c = Stage(inbox, Run("c"));
  const JobId d = Stage(inbox, In(lane, Run("d")));
  EXPECT(inbox.TryTake() == nullptr);  // not published
  EXPECT(inbox.Ready() == 0);
  EXPECT(inbox.pending() == 4);
  inbox.Publish();
  EXPECT(inbox.Ready() == 2);
  EXPECT(inbox.Take(lane, kRunning)->id == b);
  EXPECT(inbox.Take(kMainLane, kRunning)->id == a);
  EXPECT(inbox.TryTake()->id == c);
  EXPECT(inbox.Take(lane, kRunning)->id == d);
  EXPECT(inbox.TryTake() == nullptr);
  EXPECT(inbox.pending() == 0);
}

TEST("an inbox that holds as many jobs as it may takes no more until one has left") {
  Inbox inbox({3, 1000});
  for (int i = 0; i < 3; ++i) Stage(inbox, Run("x"));
  EXPECT(!inbox.Stage(Run("one too many")));
  inbox.Publish();
  EXPECT(!inbox.Stage(Run("still")));
  EXPECT(inbox.TryTake() != nullptr);
  Stage(inbox, Run("now"));
  EXPECT(!inbox.Stage(Run("full again")));
  EXPECT(inbox.pending() == 3);
}

TEST("an inbox that holds as many bytes as it may takes no more, but always one job") {
  Inbox inbox({100, 1000});
  Stage(inbox, Sized(5000));  // it has room: it is empty
  EXPECT(!inbox.Stage(Sized(1)));
  inbox.Publish();
  EXPECT(inbox.TryTake() != nullptr);
  Stage(inbox, Sized(600));
  EXPECT(!inbox.Stage(Sized(401)));
  Stage(inbox, Sized(400));
  EXPECT(!inbox.Stage(Sized(1)));
}

TEST("a full inbox still takes the end of a lane and a close") {
  Inbox inbox({1, 1});
  Stage(inbox, Sized(100));
  Stage(inbox, End(NewLane(), EndMode::kCommit));
  Stage(inbox, Close());
  EXPECT(!inbox.Stage(Run("x")));
}

TEST("a job that was cancelled, drained or expired makes room again") {
  Inbox inbox({1, 1000});
  const JobId a = Stage(inbox, Cancellable(Run("a")));
  EXPECT(inbox.Cancel(a, false));
  const JobId b = Stage(inbox, Run("b"));
  EXPECT(inbox.Drain(kMainLane) == std::vector<JobId>{b});
  const JobId c = Stage(inbox, Run("c"));
  inbox.Publish();
  EXPECT(inbox.Expire(Clock::now()) == std::vector<JobId>{c});
  EXPECT(inbox.pending() == 0);
  Stage(inbox, Run("d"));
}

TEST("cancelling a queued job takes exactly that one out, staged or published") {
  Inbox inbox({});
  const JobId a = Stage(inbox, Cancellable(Run("a")));
  const JobId b = Stage(inbox, Cancellable(Run("b")));
  EXPECT(inbox.Cancel(a, true));
  EXPECT(!inbox.Cancel(a, true));  // once
  inbox.Publish();
  const JobId c = Stage(inbox, Cancellable(Run("c")));
  const JobId d = Stage(inbox, Cancellable(Run("d")));
  inbox.Publish();
  EXPECT(inbox.Cancel(c, false));
  EXPECT(TakeAll(inbox) == (std::vector<JobId>{b, d}));
}

TEST("a job without a signal or a deadline can't be cancelled") {
  Inbox inbox({});
  const JobId id = Stage(inbox, Run("a"));
  EXPECT(!inbox.Cancel(id, true));
  inbox.Publish();
  EXPECT(TakeAll(inbox) == std::vector<JobId>{id});
}

TEST("a job that was taken is not taken back, but told; one that has ended is not found") {
  Inbox inbox({});
  const JobId id = Stage(inbox, Cancellable(Run("a")));
  inbox.Publish();
  const JobPtr job = inbox.TryTake();
  EXPECT(!inbox.Cancel(id, false));
  EXPECT(!job->cancelled);
  EXPECT(!inbox.Cancel(id, true));
  EXPECT(job->cancelled);
  inbox.Forget(*job);
  job->cancelled = false;
  EXPECT(!inbox.Cancel(id, true));
  EXPECT(!job->cancelled);
}

TEST("draining a lane takes what waits there, tells what runs there, and leaves other lanes alone") {
  Inbox inbox({});
  const LaneId lane = NewLane();
  const JobId runs = Stage(inbox, Cancellable(In(lane, Run("runs"))));
  inbox.Publish();
  const JobPtr running = inbox.Take(lane, kRunning);
  EXPECT(running->id == runs);
  const JobId published = Stage(inbox, Cancellable(In(lane, Run("published"))));
  const JobId main = Stage(inbox, Cancellable(Run("main")));
  inbox.Publish();
  const JobId staged = Stage(inbox, In(lane, Run("staged")));
  std::vector<JobId> drained = inbox.Drain(lane);
  std::sort(drained.begin(), drained.end());
  EXPECT(drained == (std::vector<JobId>{published, staged}));
  EXPECT(running->cancelled);
  inbox.Publish();
  EXPECT(TakeAll(inbox) == std::vector<JobId>{main});
  EXPECT(TakeAll(inbox, lane).empty());
}

TEST("expiring takes those that have waited too long in the main lane, but never the end of something") {
  Inbox inbox({});
  const LaneId lane = NewLane();
  const JobId old = Stage(inbox, Cancellable(Run("old")));
  const JobId begin = Stage(inbox, Begin(lane, BeginMode::kImmediate));
  const JobId close = Stage(inbox, Close());
  const JobId close_blob = Stage(inbox, test::Ask(Request::kCloseResource, {1}));
  Stage(inbox, In(lane, Run("in a lane")));
  const JobId cancelled = Stage(inbox, Cancellable(Run("cancelled")));
  inbox.Publish();
  inbox.Cancel(cancelled, false);
  std::this_thread::sleep_for(milliseconds(3));
  const auto time = Clock::now();
  std::this_thread::sleep_for(milliseconds(3));
  const JobId fresh = Stage(inbox, Run("fresh"));
  inbox.Publish();
  EXPECT(inbox.Expire(time) == (std::vector<JobId>{old, begin}));
  EXPECT(!inbox.Cancel(old, true));
  EXPECT(TakeAll(inbox) == (std::vector<JobId>{close, close_blob, fresh}));
  EXPECT(TakeAll(inbox, lane).size() == 1);
}

TEST("removing a lane gives back what still waited there, without what was cancelled") {
  Inbox inbox({});
  const LaneId lane = NewLane();
  const JobId a = Stage(inbox, Cancellable(In(lane, Run("a"))));
  const JobId b = Stage(inbox, Cancellable(In(lane, Run("b"))));
  inbox.Publish();
  inbox.Cancel(a, true);
  EXPECT(TakeAll(inbox, lane) == std::vector<JobId>{b});
  EXPECT(TakeAll(inbox, lane).empty());
  EXPECT(inbox.pending() == 0);
}

TEST("who waits for a job gets it as soon as it is published, and null when stopped") {
  Inbox inbox({});
  for (int round = 0; round < 200; ++round) {
    std::atomic<bool> stopped{false};
    std::atomic<JobId> got{0};
    std::atomic<bool> ended{false};
    std::thread taker([&] {
      while (const JobPtr job = inbox.Take(kMainLane, stopped)) got = job->id;
      ended = true;
    });
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(round));
    const JobId id = Stage(inbox, Run("x"));
    inbox.Publish();
    Until([&] { return got == id; });
    stopped = true;
    inbox.WakeAll();
    taker.join();
    EXPECT(ended);
  }
}

TEST("several takers of one inbox share its jobs, each taken once, in whatever lane they wait") {
  Inbox inbox({});
  const LaneId lane = NewLane();
  std::atomic<bool> stopped{false};
  std::mutex mutex;
  std::map<JobId, int> taken;
  const auto take = [&](LaneId from) {
    while (const JobPtr job = inbox.Take(from, stopped)) {
      const std::lock_guard<std::mutex> lock(mutex);
      ++taken[job->id];
    }
  };
  std::vector<std::thread> takers;
  for (int i = 0; i < 3; ++i) takers.emplace_back(take, kMainLane);
  takers.emplace_back(take, lane);
  std::vector<JobId> ids;
  for (int i = 0; i < 3000; ++i) {
    ids.push_back(Stage(inbox, In(i % 10 == 0 ? lane : kMainLane, Run("x"))));
    if (i % 3 != 0) inbox.Publish();
  }
  inbox.Publish();
  Until([&] { return inbox.pending() == 0; });
  stopped = true;
  inbox.WakeAll();
  for (std::thread& taker : takers) taker.join();
  EXPECT(taken.size() == ids.size());
  for (const JobId id : ids) EXPECT(taken[id] == 1);
}

TEST("a doze is ended by a cancellation and by WakeAll") {
  Inbox inbox({});
  const JobId id = Stage(inbox, Cancellable(Run("x")));
  inbox.Publish();
  const JobPtr job = inbox.TryTake();
  for (const bool cancel : {true, false}) {
    std::atomic<bool> awake{false};
    std::thread sleeper([&] {
      inbox.Doze(std::chrono::minutes(2));
      awake = true;
    });
    // Again and again: the sleeper may not have lain down yet.
    Until([&] {
      if (cancel) {
        inbox.Cancel(id, true);
      } else {
        inbox.WakeAll();
      }
      return awake.load();
    });
    sleeper.join();
  }
  inbox.Forget(*job);
}

TEST("jobs that are made and cancelled again and again leave little behind, however long nobody takes any") {
  Inbox inbox(Inbox::Limits{});
  std::vector<JobId> waiting;
  for (int i = 0; i < 50'000; ++i) {
    JobPtr job = Cancellable(Run("SELECT 1"));
    const JobId id = job->id;
    const bool stays = i % 1000 == 0;
    if (stays) waiting.push_back(id);
    inbox.Stage(std::move(job));
    if (i % 3 != 0) inbox.Publish();  // some are cancelled while they are only staged
    if (!stays) EXPECT(inbox.Cancel(id, true));
    EXPECT(inbox.Ready() <= 66 + waiting.size() * 2);
  }
  inbox.Publish();
  EXPECT(inbox.pending() == waiting.size());
  for (const JobId id : waiting) {
    const JobPtr job = inbox.TryTake();
    EXPECT(job != nullptr && job->id == id);
  }
  EXPECT(inbox.TryTake() == nullptr);
}

}  // namespace aiosqlite::test

#include "engine/features/resources.h"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/features/backup.h"
#include "engine/features/blob.h"
#include "engine/features/cursor.h"
#include "engine/features/recorder.h"
#include "engine/sqlite/error.h"

namespace aiosqlite {
namespace {

Failure Closed() {
  return OwnFailure("ERR_CLOSED", "it is closed, or its connection or transaction has ended");
}

}  // namespace

std::optional<Failure> Resources::Serve(Job& job, Outcome& outcome) {
  owner_.Check();
  EntryReader entries(job.entries);
  switch (job.request) {
    case Request::kOpenCursor: {
      auto cursor = std::make_unique<Cursor>(database_, job);
      auto failure = cursor->Open();
      if (!failure) failure = cursor->Next(outcome);
      if (!failure && outcome.done) return std::nullopt;
      return Keep(job.id, std::move(cursor), std::move(failure));
    }
    case Request::kNextCursor: {
      const auto id = static_cast<JobId>(EntryReader(job.entries).Number());
      auto* const cursor = Find<Cursor>(entries);
      if (cursor == nullptr) return Closed();
      auto failure = cursor->Next(outcome);
      if (failure || outcome.done) open_.erase(id);
      return failure;
    }
    case Request::kOpenBackup: {
      auto backup = std::make_unique<Backup>(database_, job.lane);
      auto failure = backup->Open(entries.Text());
      if (!failure) outcome.info = Backup::ListInUse(entries);
      return Keep(job.id, std::move(backup), std::move(failure));
    }
    case Request::kStepBackup: {
      auto* const backup = Find<Backup>(entries);
      return backup == nullptr ? Closed() : backup->Step(entries.Int(), outcome);
    }
    case Request::kOpenBlob: {
      auto blob = std::make_unique<Blob>(database_, job.lane);
      auto failure = blob->Open(entries, job.policy, outcome);
      return Keep(job.id, std::move(blob), std::move(failure));
    }
    case Request::kReadBlob: {
      auto* const blob = Find<Blob>(entries);
      if (blob == nullptr) return Closed();
      const int offset = entries.Int();
      return blob->Read(offset, entries.Int(), outcome);
    }
    case Request::kWriteBlob: {
      auto* const blob = Find<Blob>(entries);
      if (blob == nullptr) return Closed();
      const int offset = entries.Int();
      return blob->Write(offset, entries.Next().bytes);
    }
    case Request::kOpenRecorder: {
      auto recorder = std::make_unique<Recorder>(database_, job.lane);
      std::vector<std::string> tables;
      for (int count = entries.Int(); count > 0; --count) tables.emplace_back(entries.Text());
      auto failure = recorder->Open(tables);
      return Keep(job.id, std::move(recorder), std::move(failure));
    }
    case Request::kReadRecorder: {
      auto* const recorder = Find<Recorder>(entries);
      return recorder == nullptr ? Closed() : recorder->Read(entries.Int() != 0, outcome);
    }
    default:
      open_.erase(static_cast<JobId>(entries.Number()));
      return std::nullopt;
  }
}

std::optional<Failure> Resources::Keep(JobId id, std::unique_ptr<Resource> resource,
                                       std::optional<Failure> failure) {
  if (!failure) open_.emplace(id, std::move(resource));
  return failure;
}

template <class Kind>
Kind* Resources::Find(EntryReader& entries) {
  const auto found = open_.find(static_cast<JobId>(entries.Number()));
  return found == open_.end() ? nullptr : dynamic_cast<Kind*>(found->second.get());
}

void Resources::CloseAllOf(LaneId lane) {
  for (auto at = open_.begin(); at != open_.end();) {
    at = at->second->lane() == lane ? open_.erase(at) : std::next(at);
  }
}

}  // namespace aiosqlite

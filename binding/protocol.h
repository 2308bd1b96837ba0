// Any thread. Every number that both sides of the addon know, once.
//
// src/wire/protocol.ts has the same names and values in the same order, and a test compares the two files: an
// enum here is an object there, and kFooBar is fooBar.
#pragma once

#include <cstdint>

namespace aiosqlite {

// ── calls ──

// The slots of the scratch memory. A call's own numbers come first, then its entries.
namespace header {
enum Header : uint8_t {
  kId = 0,
  kRequest = 1,
  kLane = 2,
  kPolicy = 3,
  kTimeoutMs = 4,    // 0: no deadline
  kCancellable = 5,  // 1: the call can be cancelled
  kEntries = 6,      // number of entries
  kTextLength = 7,   // of all texts together, in UTF-16 units
  kFirstEntry = 8,
};
}  // namespace header

// Type of an entry, and of a cell of packed rows.
enum class Tag : uint8_t {
  kNull = 0,
  kInteger = 1,  // slot: a double that holds a whole number within ±(2^53-1)
  kReal = 2,     // slot: a double
  kText = 3,     // slot: a double, the length in units of the call's text
  kInt64 = 4,    // slot: a signed 64-bit integer
  kBlob = 5,     // slot: a double, the index in blobs
  kArray = 6,    // slot: a double, the number of entries after this one that are its elements
  kShared = 7,   // slot: a double, the number of a shared text
  kWide = 8,     // cells only: a text with other characters than ASCII
  kShort = 16,   // cells only: a short ASCII text; its length is added to the tag
};

// Requests of a worker. The comments list their entries.
enum class Request : uint8_t {
  kOpen = 0,    // see OpenOptions
  kRun = 1,     // one Query
  kMany = 2,    // sql, sets; per set: count (negative: names and values), values
  kBatch = 3,   // count; that many Queries
  kScript = 4,  // sql
  kBegin = 5,   // the new lane, BeginMode
  kEnd = 6,     // EndMode
  kClose = 7,
  // Resources stay open on the worker, and have the id of the job that opened them. Resources::Serves takes
  // the range from kOpenCursor to kCloseResource.
  kOpenCursor = 8,      // batch size, one Query
  kNextCursor = 9,      // cursor
  kOpenBackup = 10,     // destination, count, that many files, whose locks are looked at
  kStepBackup = 11,     // backup, pages
  kOpenBlob = 12,       // database, table, column, rowid, writable
  kReadBlob = 13,       // blob, offset, length
  kWriteBlob = 14,      // blob, offset, bytes
  kOpenRecorder = 15,   // count of tables (0: all), their names
  kReadRecorder = 16,   // recorder, patchset
  kCloseResource = 17,  // any of these
  // The connection itself.
  kDescribe = 18,  // sql
  kStatus = 19,
  kSetLimit = 20,       // sqlite3_limit's id, value
  kLoadExtension = 21,  // path, entry point (empty: SQLite's choice)
  kAuthorize = 22,      // whether all else is denied, count, that many AuthorizerRules
  kSerialize = 23,
  kDeserialize = 24,     // image
  kApplyChangeset = 25,  // changeset, ConflictPolicy, count of tables (0: all), their names
  kDefine = 26,          // see FunctionSpec
  kReportCommits = 27,   // whether commits are reported
  kRestore = 28,         // source
};

// Every connection and pool has the main lane; a transaction or a lease has one of its own.
enum class LaneNumber : uint8_t { kMain = 0 };

// Bits of a job's policy: rules beyond SQLite's own.
namespace policy {
enum Policy : uint8_t {
  kNone = 0,
  kNoTransactionControl = 1,  // BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE
  kNoSettings = 2,            // ATTACH, DETACH, a PRAGMA that sets, TEMP objects
  kNoConnectionCounters = 4,  // last_insert_rowid(), changes(), total_changes()
  kReadOnly = 8,              // reader role
  kTrace = 16,                // no rule: the outcome reports its times
  kSecureDelete = 32,         // no rule: deleted content is overwritten with zeros
};
}  // namespace policy

enum class RowMode : uint8_t { kNone = 0, kObject = 1, kArray = 2, kFirstObject = 3, kFirstArray = 4 };

// The settings of a query, in one number: its RowMode, two bits, and its IfNone.
namespace setting {
enum Setting : uint8_t { kRowModeMask = 7, kWantsColumns = 8, kHasJsonColumns = 16, kIfNoneAt = 5 };
}  // namespace setting

// Consequence of a query of a batch that neither returns nor changes a row.
enum class IfNone : uint8_t { kContinue = 0, kStop = 1, kRollback = 2 };

enum class IntegerMode : uint8_t { kMixed = 0, kNumber = 1, kBigint = 2 };

enum class ConflictPolicy : uint8_t { kAbort = 0, kOmit = 1, kReplace = 2 };

enum class BeginMode : uint8_t { kLease = 0, kDeferred = 1, kImmediate = 2, kExclusive = 3, kSavepoint = 4 };

// kReady: a connection has been set up. kRelease: a lease comes back; if it is altered, its worker closes.
enum class EndMode : uint8_t { kReady = 0, kRelease = 1, kCommit = 2, kRollback = 3 };

// ── functions in JavaScript ──

enum class FunctionKind : uint8_t { kScalar = 0, kAggregate = 1, kWindow = 2, kCollation = 3 };

enum class HostOperation : uint8_t {
  kCall = 0,
  kStep = 1,
  kInverse = 2,
  kValue = 3,
  kFinal = 4,
  kCompare = 5,
  kForget = 6,  // drops the state of an aggregate that comes to no result
};

// Ids of what functions have thrown; the host counts from 1 up to the last but one.
namespace exception_id {
enum ExceptionId : uint32_t { kNone = 0, kUnknown = 0xffffffff };
}  // namespace exception_id

// ── outcomes: see node/delivery.h ──

// The flags of an Outcome, in one number.
namespace outcome_flag {
enum OutcomeFlag : uint8_t { kCountsCommit = 1, kAltered = 2, kDone = 4 };
}  // namespace outcome_flag

// Lists of texts that a chunk of packed rows has.
namespace chunk_text {
enum ChunkText : uint8_t { kTexts = 1, kWides = 2, kShorts = 4 };
}  // namespace chunk_text

// ── Worker.stats() ──

namespace stat {
enum Stat : uint8_t {
  kRunning = 0,
  kCompleted = 1,
  kFailed = 2,
  kCacheSize = 3,
  kCacheHits = 4,
  kCacheMisses = 5,
  kInTransaction = 6,
  kTotalChanges = 7,
};
}  // namespace stat

}  // namespace aiosqlite

export type { SaveOptions, VersionOptions } from './artifacts/arguments.js';
export { ArtifactStore } from './artifacts/artifact-store.js';
export type { ArtifactInfo, ArtifactKey, ArtifactStoreOptions } from './artifacts/records.js';
export type { Swept } from './artifacts/sweep.js';
export { copySessions } from './copy/copy.js';
export type { Copied, CopyOptions, CopyProgress } from './copy/options.js';
export { StoreError, type StoreErrorCode } from './errors.js';
export type {
  EventPage,
  EventPageOptions,
  ForkOptions,
  HistoryPoint,
  Restored,
  RewindOptions,
  Rewound,
} from './history/records.js';
export { importSessions } from './import/import-sessions.js';
export type {
  ImportCounts,
  ImportOptions,
  ImportProgress,
  ImportRefusal,
  ImportReport,
  ImportSkip,
} from './import/records.js';
export { MemoryStore } from './memory/memory-store.js';
export type { MemoryFilter, MemoryQuery, MemoryRecord, MemoryStoreOptions } from './memory/records.js';
export type { Backfilled, BackfillOptions } from './memory/writing/backfill.js';
export type { SessionStoreOptions } from './names.js';
export type { PruneKind, PruneOptions, PruneTables, RetentionPolicy } from './prune/policy.js';
export { type Pruned, prune } from './prune/prune.js';
export type {
  EventFilter,
  EventRecord,
  JsonObject,
  LoadedSession,
  NewSession,
  SessionFilter,
  SessionKey,
  SessionRecord,
  StateDeltas,
} from './records.js';
export { SessionStore } from './session-store.js';
export type { Database } from './sqlite/backend.js';

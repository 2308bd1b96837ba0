export {
  type FoldSessionSummary,
  SqliteSessionStore,
  type SqliteSessionStoreOptions,
  type SqliteSessionStoreSource,
  type TranscriptEntry,
  type TranscriptKey,
  type TranscriptSummary,
} from './session-store.js';

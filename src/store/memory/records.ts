import type { NamesOf } from '../../arguments.js';
import type { JsonObject } from '../records.js';

/** One entry of a memory. */
export interface MemoryRecord {
  /** Unique for the user of the app; of an entry that is an event, within its session. */
  id: string;
  /** App that the entry belongs to. */
  appName: string;
  /** Of scope `'app'` it is ignored when stored, and `''` in results. */
  userId: string;
  /** `'user'`: found by this user alone; `'app'`: by every user of the app. */
  scope: 'user' | 'app';
  /** Session that the entry comes from, if any. */
  sessionId?: string;
  /** Of an entry that is an event. */
  eventId?: string;
  /** Author of the event, as ADK has it. */
  author?: string;
  /** Milliseconds since the Unix epoch. */
  timestamp?: number;
  /** As ADK and Gemini have it: `{ role, parts }`. Thoughts among the parts are not stored. */
  content: JsonObject;
  /** Any JSON object; stored and returned, never searched. */
  customMetadata?: JsonObject;
  /** Of search results: greater is better, comparable within one result only. */
  score?: number;
}

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** `'adk_memory'`; the names of the index and the tables beside it begin with it. */
  memoryTable?: string;
  /** `'adk_metadata'` */
  metadataTable?: string;
  /** `'adk_sessions'`: the table of a `SessionStore` in the same file, which `backfill()` reads. */
  sessionsTable?: string;
  /** `'adk_events'`: the same. */
  eventsTable?: string;
  /** Indexes the strings of function responses, too. Default: `false`. */
  functionResponses?: boolean;
  /**
   * Turns texts into vectors of one length, outside of any transaction. Results then join two rankings, by words and by
   * meaning. If it fails, entries and searches go by words alone, and `backfill()` makes good for it.
   */
  embed?: (texts: string[], kind: 'document' | 'query') => Promise<Float32Array[]>;
  /** Name of the model behind `embed`, stored with the first vectors. Another one rejects `'ADK_EMBEDDING_MISMATCH'`. */
  embedModel?: string;
  /** Receives what `embed` has thrown, or why its answer could not be used. An exception is an uncaught one of the process. */
  onEmbedError?: (error: unknown) => void;
  /** As {@link SessionStoreOptions.foreignTables}: `'refuse'` (default) or `'beside'`. */
  foreignTables?: 'refuse' | 'beside';
}

export const MEMORY_STORE_OPTIONS: NamesOf<MemoryStoreOptions> = {
  memoryTable: true,
  metadataTable: true,
  foreignTables: true,
  sessionsTable: true,
  eventsTable: true,
  functionResponses: true,
  embed: true,
  embedModel: true,
  onEmbedError: true,
};

/** A search. */
export interface MemoryQuery {
  /** Entries of this app. */
  appName: string;
  /** Entries of this user, and of the app: see `scopes`. */
  userId: string;
  /** Any text. Empty, or without a word: no result. */
  query: string;
  /** Most results. Default: 10. */
  limit?: number;
  /** Most bytes of content in all results together, as JSON in UTF-8. Default: 32,768 (32 KiB). */
  maxBytes?: number;
  /** Default: both, the user's own entries and those of the app. */
  scopes?: readonly ('user' | 'app')[];
  /** Only entries with a timestamp after this one (exclusive), in milliseconds. */
  after?: number;
  /** Only entries with a timestamp before this one (exclusive), in milliseconds. */
  before?: number;
}

export const MEMORY_QUERY: NamesOf<MemoryQuery> = {
  appName: true,
  userId: true,
  query: true,
  limit: true,
  maxBytes: true,
  scopes: true,
  after: true,
  before: true,
};

/** Selects entries of an app; each field narrows the selection. */
export interface MemoryFilter {
  /** Entries of this app. */
  appName: string;
  /** Only the user's own entries; by default those of all users and of the app. */
  userId?: string;
  /** Only entries of this session. */
  sessionId?: string;
  /** Only entries with one of these ids. */
  ids?: readonly string[];
  /** Only entries with a timestamp before this one (exclusive), in milliseconds. */
  before?: number;
}

export const MEMORY_FILTER: NamesOf<MemoryFilter> = {
  appName: true,
  userId: true,
  sessionId: true,
  ids: true,
  before: true,
};

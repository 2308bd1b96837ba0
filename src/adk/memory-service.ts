import { randomUUID } from 'node:crypto';
import type { BaseMemoryService, Event, MemoryEntry, SearchMemoryRequest, Session } from '@google/adk';
import { checkArray, checkObject, checkString } from '../arguments.js';
import { outOfRange } from '../errors.js';
import type { Calls } from '../source/service-calls.js';
import {
  type Backfilled,
  type BackfillOptions,
  checkId,
  type JsonObject,
  type MemoryFilter,
  type MemoryRecord,
  type MemoryStore,
  recordOfEvent,
  rewindBeforeOf,
  type SessionKey,
  withoutRewound,
} from '../store/internal.js';
import { toRecord } from './session/event-codec.js';
import { type MemoryServiceSource, type Opened, openMemoryStore } from './source.js';

/** A memory entry, as ADK 2.2 has it: older versions know neither `id` nor `customMetadata`. */
export interface StoredMemoryEntry extends MemoryEntry {
  /** Id of the entry: of an event, that of the event. */
  id?: string;
  /** As it was given when the entry was stored. */
  customMetadata?: Record<string, unknown>;
}

/**
 * Memory for ADK's Runner, in SQLite: under `load_memory` and `preload_memory`. Nothing in ADK fills a memory by itself;
 * call `addSessionToMemory`, `addEventsToMemory` or `backfill`. Tables are made at the first call. Errors are those of
 * {@link MemoryStore}.
 *
 * @example
 * const memoryService = new SqliteMemoryService('agent.db');
 * const runner = new Runner({ appName: 'shop', agent, sessionService, memoryService });
 */
export class SqliteMemoryService implements BaseMemoryService {
  /** The store beneath, for everything that ADK has no call for: limits, times, scopes, transactions. */
  readonly store: MemoryStore;
  /** The same store, which waits until the tables are there. */
  readonly #store: MemoryStore;
  readonly #calls: Calls;
  readonly #completes: boolean;

  /**
   * `source` is a `MemoryStore`, or a `SessionStore`, whose database and table names the service takes. It may also be a
   * path, `':memory:'`, a `'file:'` URI or ADK's `'sqlite://'` form, or the options of a pool and a memory store.
   */
  constructor(source: MemoryServiceSource);
  /** @internal `completes`: whether `addSessionToMemory` reads what the session object lacks. */
  constructor(source: Opened<MemoryStore>, options?: { completes: boolean });
  constructor(source: MemoryServiceSource | Opened<MemoryStore>, options?: { completes: boolean }) {
    const { store, calls, tables } = openMemoryStore(source, options);
    this.store = store;
    this.#store = store.after(() => tables.ready());
    this.#calls = calls;
    this.#completes = options?.completes === true;
  }

  /**
   * Adds the events of a session to what is there; an event that is there already is replaced. Partial events, thoughts,
   * summaries and events that a rewind has undone are left out. The session may be stored elsewhere.
   * @example await service.addSessionToMemory(session);
   */
  async addSessionToMemory(session: Session): Promise<void> {
    checkObject('session', session);
    checkArray('session.events', session.events);
    const { appName, userId, id: sessionId } = session;
    const key = { appName, userId, sessionId };
    await this.#calls.make(async () => {
      if (this.#completes && (await this.#store.addSession(key))) return;
      await this.#store.add(recordsOf(session.events, key));
    });
  }

  /**
   * Adds some events, for a run that has ended or a session that is not at hand.
   * @example await service.addEventsToMemory({ appName: 'shop', userId: 'ada', sessionId: 's1', events });
   */
  async addEventsToMemory(request: {
    appName: string;
    userId: string;
    events: Event[];
    sessionId?: string;
    customMetadata?: Record<string, unknown>;
  }): Promise<void> {
    checkObject('request', request);
    checkArray('request.events', request.events);
    const { appName, userId, events, sessionId = '', customMetadata } = request;
    checkId('request.appName', appName);
    checkId('request.userId', userId);
    const records = recordsOf(events, { appName, userId, sessionId });
    const described = records.map((record) => (customMetadata ? { ...record, customMetadata } : record));
    await this.#calls.make(() => this.#store.add(described));
  }

  /**
   * Adds entries of your own; one with the `id` of an entry that is there replaces it.
   * @example await service.addMemory({ appName: 'shop', userId: 'ada', memories: [{ id: 'm1', content: { parts: [{ text: 'Likes tea' }] } }] });
   */
  async addMemory(request: {
    appName: string;
    userId: string;
    memories: StoredMemoryEntry[];
    customMetadata?: Record<string, unknown>;
  }): Promise<void> {
    checkObject('request', request);
    checkArray('request.memories', request.memories);
    const { appName, userId, memories, customMetadata: common } = request;
    checkId('request.appName', appName);
    checkId('request.userId', userId);
    const records = memories.map((memory, at): MemoryRecord => {
      checkObject(`request.memories[${at}]`, memory);
      const { id = randomUUID(), content, author, timestamp, customMetadata = common } = memory;
      checkId(`request.memories[${at}].id`, id);
      const record: MemoryRecord = { id, appName, userId, scope: 'user', content: content as JsonObject };
      if (author !== undefined) record.author = author;
      if (timestamp !== undefined) record.timestamp = timeOf(timestamp, `request.memories[${at}].timestamp`);
      if (customMetadata !== undefined) record.customMetadata = customMetadata;
      return record;
    });
    await this.#calls.make(() => this.#store.add(records));
  }

  /**
   * The entries of a user, and of the app, that fit a query, the best first: 10 at most, and 32 KiB. Any text is a legal
   * query. Results carry `id` and `customMetadata`.
   * @example const { memories } = await service.searchMemory({ appName: 'shop', userId: 'ada', query: 'Which tea?' });
   */
  async searchMemory(request: SearchMemoryRequest): Promise<{ memories: StoredMemoryEntry[] }> {
    checkObject('request', request);
    const { appName, userId, query } = request;
    checkId('request.appName', appName);
    checkId('request.userId', userId);
    checkString('request.query', query);
    const records = await this.#calls.make(() => this.#store.search({ appName, userId, query }));
    return { memories: records.map(toMemoryEntry) };
  }

  /**
   * Erases an entry. Resolves for an unknown id, too.
   * @example await service.deleteMemory({ appName: 'shop', userId: 'ada', id });
   */
  async deleteMemory(request: { appName: string; userId: string; id: string }): Promise<void> {
    checkObject('request', request);
    const { appName, userId, id } = request;
    checkId('request.appName', appName);
    await this.#erase({ appName, userId: textOf('request.userId', userId), ids: [textOf('request.id', id)] });
  }

  /**
   * Erases the entries of a session.
   * @example await service.deleteSessionMemory({ appName: 'shop', userId: 'ada', sessionId: 's1' });
   */
  async deleteSessionMemory(key: SessionKey): Promise<void> {
    checkObject('key', key);
    const { appName, userId, sessionId } = key;
    checkId('key.appName', appName);
    await this.#erase({
      appName,
      userId: textOf('key.userId', userId),
      sessionId: textOf('key.sessionId', sessionId),
    });
  }

  /**
   * Erases all entries of a user.
   * @example await service.deleteUserMemory({ appName: 'shop', userId: 'ada' });
   */
  async deleteUserMemory(request: { appName: string; userId: string }): Promise<void> {
    checkObject('request', request);
    const { appName, userId } = request;
    checkId('request.appName', appName);
    await this.#erase({ appName, userId: textOf('request.userId', userId) });
  }

  /**
   * Adds what sessions in the same file hold and memory lacks: see {@link MemoryStore.backfill}.
   * @example await service.backfill({ onProgress: ({ sessions }) => console.log(sessions) });
   */
  async backfill(options?: BackfillOptions): Promise<Backfilled> {
    return await this.#calls.make(() => this.#store.backfill(options));
  }

  async #erase(filter: MemoryFilter): Promise<void> {
    await this.#calls.make(() => this.#store.delete(filter));
  }

  /**
   * Closes the pool if this service opened it; a store that it was given stays open. Every call made before
   * finishes first; later calls reject `'ERR_CLOSED'`.
   * @example process.once('SIGTERM', () => void service.close());
   */
  async close(): Promise<void> {
    await this.#calls.close();
  }

  /** As {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The memory of a session's events: of those that count. */
function recordsOf(events: readonly Event[], key: SessionKey): MemoryRecord[] {
  const records = events.map((event) => toRecord(event, key));
  const rewindable = records.map((record) => ({
    record,
    invocationId: record.invocationId,
    rewindBefore: rewindBeforeOf(record),
  }));
  return withoutRewound(rewindable)
    .map(({ record }) => recordOfEvent(record))
    .filter((record) => record !== undefined);
}

function toMemoryEntry({ id, content, author, timestamp, customMetadata }: MemoryRecord): StoredMemoryEntry {
  const entry: StoredMemoryEntry = { id, content: content as MemoryEntry['content'] };
  if (author !== undefined) entry.author = author;
  if (timestamp !== undefined) entry.timestamp = new Date(timestamp).toISOString();
  if (customMetadata !== undefined) entry.customMetadata = customMetadata;
  return entry;
}

function timeOf(timestamp: unknown, name: string): number {
  const time = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  if (Number.isNaN(time)) throw outOfRange(name, 'a time in ISO 8601');
  return time;
}

/** A filter without this field would take out more than was asked for. */
function textOf(name: string, value: unknown): string {
  checkString(name, value);
  return value;
}

import type { SqlParam } from '../../executor.js';
import { checkKey, checkTime } from '../arguments.js';
import type { VersionFate } from '../artifacts/import-version.js';
import type { Backend } from '../backend.js';
import { SESSION_COLUMNS } from '../columns.js';
import { encodeDelta } from '../deltas.js';
import { jsonParam } from '../dialect.js';
import { decodeRecord } from '../event-codec.js';
import type { EntryFate } from '../memory/import-entries.js';
import type { PreparedImport } from '../prepare.js';
import type { SessionRecord } from '../records.js';
import { isGiven } from '../session-codec.js';
import { exactText, membersText } from './exact.js';
import { type Fate, OTHER_SESSION } from './fate.js';
import type { ImportCounts, ImportOptions, ImportReport } from './records.js';
import { isSame } from './same.js';
import { type EncodedEvent, refusalOf, SessionEvents } from './session-events.js';
import type {
  FoundArtifact,
  FoundMemory,
  FoundRefusal,
  FoundSession,
  FoundState,
  FoundStored,
  Item,
} from './source.js';
import { StoresBeside } from './stores-beside.js';
import { storeWhole } from './whole.js';

/** Sessions whose jobs are under way at the same time, so that they share commits. */
const UNDER_WAY = 16;

/** Place of the state among the parameters of a session. */
const STATE_AT = SESSION_COLUMNS.filter(isGiven).findIndex(({ field }) => field === 'state');

/** Entries of memory that are stored together. */
const MEMORY_PER_JOB = 250;

const REASONS = {
  other: 'the database has it with other content',
  empty: 'it has no text',
  nowhere: 'the database holds sessions alone: memory and artifacts go into a SQLite file',
};

/** Takes what a source holds, compares it with the target, stores what is new there, and counts. */
export class Sink {
  readonly #backend: Backend;
  readonly #options: ImportOptions;
  readonly #report: ImportReport;
  readonly #jobs = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  readonly #memory: FoundMemory[] = [];
  readonly #beside: StoresBeside;
  readonly #dryRun: boolean;

  constructor(backend: Backend, options: ImportOptions, report: ImportReport) {
    this.#backend = backend;
    this.#options = options;
    this.#report = report;
    this.#dryRun = options.dryRun === true;
    this.#beside = new StoresBeside(backend, !this.#dryRun);
  }

  async take(item: Item): Promise<void> {
    if (item.kind === 'state') await this.#takeState(item);
    else if (item.kind === 'session') await this.#takeSession(item);
    else if (item.kind === 'stored') await this.#takeStored(item);
    else if (item.kind === 'memory') await this.#takeMemory(item);
    else if (item.kind === 'artifact') await this.#takeArtifact(item);
    else this.#takeRefusal(item);
  }

  /** Waits for what is under way. */
  async end(): Promise<void> {
    await this.#storeMemory();
    await Promise.all(this.#jobs);
    this.#throwFailure();
  }

  #takeRefusal({ kind: _, of, events = 0, ...refusal }: FoundRefusal): void {
    this.#report.refused.push(refusal);
    if (of === 'states') return;
    add(countsOf(this.#report, of), 'refused', 1);
    add(this.#report.events, 'refused', events);
  }

  // ── states that sessions share ──

  /** Sets the keys that the target lacks. Others stay: the target may have gone on. */
  async #takeState({ table, appName, userId, state, text }: FoundState): Promise<void> {
    const scope = { appName, userId };
    const present = await this.#backend.sharedState(scope);
    const has = (key: string) => Object.hasOwn(present, key);
    const lacking = Object.entries(state).filter(([key]) => !has(key));
    if (lacking.length > 0 && !this.#dryRun) {
      const { dialect } = this.#backend;
      const toSet = Object.fromEntries(lacking);
      const delta = encodeDelta(dialect, toSet, 'state');
      const set = text === undefined ? delta.set : jsonParam(dialect, membersText(text, Object.keys(toSet)));
      await this.#backend.mergeSharedState(scope, { ...delta, set });
    }
    const others = Object.keys(state).filter((key) => has(key) && !isSame(state[key], present[key])).length;
    if (others === 0) return;
    const row = userId === undefined ? appName : `${appName}, ${userId}`;
    this.#report.refused.push({ table, row, reason: `the database has other values of ${others} keys, which stay` });
  }

  // ── memory and artifacts ──

  async #takeMemory(found: FoundMemory): Promise<void> {
    this.#memory.push(found);
    if (this.#memory.length >= MEMORY_PER_JOB) await this.#storeMemory();
  }

  async #storeMemory(): Promise<void> {
    const found = this.#memory.splice(0);
    if (found.length === 0) return;
    const store = await this.#beside.memory();
    const records = found.map(({ record }) => record);
    const fates = await store?.importEntries(records, this.#dryRun);
    for (const [at, { table, record }] of found.entries()) {
      this.#countOne('memory', table, record.id, store === null ? 'converted' : fates?.[at]);
    }
  }

  async #takeArtifact({ key, version, part, customMetadata, createTime }: FoundArtifact): Promise<void> {
    const row = `${key.name}, version ${version}`;
    const custom = customMetadata === undefined ? {} : { customMetadata };
    try {
      const store = await this.#beside.artifacts();
      const fate = await store?.importVersion({ key, version, part, ...custom, createTime }, this.#dryRun);
      this.#countOne('artifacts', 'artifacts', row, store === null ? 'converted' : fate);
    } catch (error) {
      this.#countOne('artifacts', 'artifacts', row, { reason: refusalOf(error) });
    }
  }

  #countOne(
    of: 'memory' | 'artifacts',
    table: string,
    row: string,
    fate: EntryFate | VersionFate | { reason: string } | undefined,
  ): void {
    const counts = countsOf(this.#report, of);
    const isTaken = fate === 'converted' || fate === 'unchanged';
    add(counts, isTaken ? fate : 'refused', 1);
    if (isTaken) return;
    const reason = typeof fate === 'object' ? fate.reason : REASONS[fate ?? 'nowhere'];
    this.#report.refused.push({ table, row, reason });
  }

  // ── sessions ──

  async #takeSession(found: FoundSession): Promise<void> {
    const events = new SessionEvents(this.#backend, found, this.#options.keepRewound === true);
    const isHeld = await events.hold();
    const job = this.#import(found, events, isHeld);
    // The events of a large session are read by its job.
    if (!isHeld) await job;
    this.#jobs.add(job);
    void job.finally(() => this.#jobs.delete(job));
    if (this.#jobs.size >= UNDER_WAY) await Promise.race(this.#jobs);
    this.#throwFailure();
  }

  /** Never rejects: the import ends at the next session. */
  async #import(found: FoundSession, events: SessionEvents, isHeld: boolean): Promise<void> {
    try {
      const fate = isHeld ? await this.#storeHeld(found, events) : await this.#storeAll(found, events);
      this.#count(found, events, fate);
    } catch (error) {
      this.#failures.push(events.failure ?? error);
    }
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #takeStored({ table, session, pages }: FoundStored): Promise<void> {
    const taken = pages.reduce((sum, { rows, rewindKey }) => sum + (rewindKey === undefined ? rows.length : 0), 0);
    const fate = await storeWhole(this.#backend, session, pages, this.#dryRun);
    this.#count({ table, key: session.key }, { read: taken, taken, refused: [] }, fate);
  }

  #count(
    { table, key }: Pick<FoundSession, 'table' | 'key'>,
    { read, taken, refused }: Pick<SessionEvents, 'read' | 'taken' | 'refused'>,
    fate: Fate,
  ): void {
    const { sessions, events, refused: list } = this.#report;
    const name = typeof fate === 'string' ? fate : 'refused';
    add(sessions, name, 1);
    add(events, name, taken);
    add(events, 'refused', refused.length);
    events.read += read - taken - refused.length;
    list.push(...refused);
    if (typeof fate !== 'string') list.push({ table, row: key.sessionId, reason: fate.reason });
  }

  /** Stores a session with few events, which are all there, or compares it with the one that is stored. */
  async #storeHeld(found: FoundSession, events: SessionEvents): Promise<Fate> {
    const session = this.#prepare(found);
    if ('reason' in session) return session;
    const [refused] = found.isWhole ? events.refused : [];
    if (refused !== undefined) {
      events.refuseAll();
      return { reason: refused.reason };
    }
    const { held } = events;
    const params = held.map((event) => event.params);
    if (await this.#write(session, params)) return 'converted';
    return (await this.#isStored(found, held)) ? 'unchanged' : OTHER_SESSION;
  }

  /** The same for a session with many events, which are read only once. */
  async #storeAll(found: FoundSession, events: SessionEvents): Promise<Fate> {
    const session = this.#prepare(found);
    if ('reason' in session) {
      await events.skip();
      return session;
    }
    if (await this.#backend.session(found.key)) {
      return (await this.#isStored(found, events.all())) ? 'unchanged' : OTHER_SESSION;
    }
    if (await this.#write(session, paramsOf(events.all()))) return 'converted';
    await events.skip();
    return OTHER_SESSION;
  }

  #prepare({ key, state, createTime, updateTime }: FoundSession): PreparedImport | { reason: string } {
    try {
      checkKey(key);
      checkTime('createTime', createTime);
      checkTime('updateTime', updateTime);
      const { sessionId: id, appName, userId } = key;
      const { dialect, sessions } = this.#backend;
      const params = sessions.encode({ id, appName, userId, state, createTime, updateTime });
      const text = exactText(state);
      if (text !== undefined) params[STATE_AT] = jsonParam(dialect, text);
      return { key, params, ownerId: null, revision: 1, initialState: null };
    } catch (error) {
      return { reason: refusalOf(error) };
    }
  }

  /** Resolves to whether the session was new. */
  async #write(session: PreparedImport, events: SqlParam[][] | AsyncGenerator<SqlParam[]>): Promise<boolean> {
    if (!this.#dryRun) return await this.#backend.importSession(session, events);
    if (await this.#backend.session(session.key)) return false;
    for await (const _ of events);
    return true;
  }

  /** Whether the target has the same session, with the same events in the same order. Reads all events. */
  async #isStored(found: FoundSession, events: Iterable<EncodedEvent> | AsyncIterable<EncodedEvent>): Promise<boolean> {
    const { key } = found;
    let isSameSoFar = this.#isSameSession(found, await this.#backend.session(key));
    const rows = this.#backend.iterateEvents(key, {})[Symbol.asyncIterator]();
    try {
      for await (const { event } of events) {
        if (!isSameSoFar) continue;
        const { done, value } = await rows.next();
        isSameSoFar = !done && isSame({ ...decodeRecord(this.#backend, value, key), seq: undefined }, event);
      }
      return isSameSoFar && (await rows.next()).done === true;
    } finally {
      await rows.return?.();
    }
  }

  #isSameSession({ state, createTime, updateTime }: FoundSession, stored: SessionRecord | undefined): boolean {
    const { dialect } = this.#backend;
    const asStored = (time: number) => dialect.decodeTime(dialect.encodeTime(time));
    return (
      stored !== undefined &&
      isSame(stored.state, state) &&
      stored.createTime === asStored(createTime) &&
      stored.updateTime === asStored(updateTime)
    );
  }
}

async function* paramsOf(events: AsyncIterable<EncodedEvent>): AsyncGenerator<SqlParam[], void> {
  for await (const { params } of events) yield params;
}

function countsOf(report: ImportReport, of: Exclude<FoundRefusal['of'], 'states'>): ImportCounts {
  report[of] ??= noCounts();
  return report[of];
}

export const noCounts = (): ImportCounts => ({ read: 0, converted: 0, unchanged: 0, refused: 0 });

function add(counts: ImportCounts, name: 'converted' | 'unchanged' | 'refused', by: number): void {
  counts.read += by;
  counts[name] += by;
}

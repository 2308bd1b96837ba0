import { membersOf, objectOf } from '../../../codec/json-parts.js';
import { checkId } from '../../arguments.js';
import type { VersionFate } from '../../artifacts/import-version.js';
import type { Backend } from '../../backend.js';
import { encodeDelta } from '../../codec/deltas.js';
import { jsonParam } from '../../codec/dialect.js';
import { serializeObject } from '../../codec/serialize.js';
import type { EventPage, Transfer } from '../../copy/transfer.js';
import { canHold, cannotHold } from '../../copy/unstorable.js';
import { StoreError } from '../../errors.js';
import type { MemoryStore } from '../../memory/memory-store.js';
import type { EntryFate } from '../../memory/writing/import-entries.js';
import { nameOf } from '../../prepare.js';
import type { JsonObject } from '../../records.js';
import type { ImportCounts, ImportOptions, ImportRefusal, ImportReport } from '../records.js';
import type {
  FoundArtifact,
  FoundMemory,
  FoundRefusal,
  FoundSession,
  FoundSkip,
  FoundState,
  FoundStored,
  Item,
} from '../source.js';
import { hasMarked, holdsMarked, parseExactly, restored } from '../values/exact.js';
import type { Fate } from './fate.js';
import { isSame } from './same.js';
import { refusalOf, SessionEvents } from './session-events.js';
import { storedSession } from './stored-session.js';
import { StoresBeside } from './stores-beside.js';
import { storeWhole } from './whole.js';

/** Sessions whose jobs are under way at the same time, so that they share commits. */
const UNDER_WAY = 16;

/** Entries of memory that are stored together. */
const MEMORY_PER_JOB = 250;

const REASONS = {
  other: 'the database has it with other content',
  empty: 'it has no text',
  digits: 'memory does not keep all digits of a number in it',
  number: 'it has a number at the place of a text',
  nowhere: 'the database holds sessions alone: memory and artifacts go into a SQLite file',
};

/** Takes what a source holds, compares it with the target, stores what is new there, and counts. */
export class Sink {
  readonly #backend: Backend;
  readonly #transfer: Transfer;
  readonly #options: ImportOptions;
  readonly #report: ImportReport;
  /** By the name of their session. */
  readonly #jobs = new Map<string, Promise<void>>();
  /** Hashes of the sessions that a dry run would have stored, by name. */
  readonly #dry: Map<string, string> | undefined;
  readonly #failures: unknown[] = [];
  readonly #memory: FoundMemory[] = [];
  readonly #beside: StoresBeside;
  readonly #dryRun: boolean;
  /** Number of the item that was taken last. */
  #place = 0;
  /** Rows, with the place of their item: jobs end in any order. */
  readonly #refused: { place: number; refusal: ImportRefusal }[] = [];

  constructor(backend: Backend, options: ImportOptions, report: ImportReport) {
    this.#backend = backend;
    this.#transfer = backend.transfer;
    this.#options = options;
    this.#report = report;
    this.#dryRun = options.dryRun === true;
    this.#dry = this.#dryRun ? new Map() : undefined;
    this.#beside = new StoresBeside(backend, !this.#dryRun);
  }

  async take(item: Item): Promise<void> {
    this.#place += 1;
    if (item.kind === 'state') await this.#takeState(item);
    else if (item.kind === 'session') await this.#takeSession(item);
    else if (item.kind === 'stored') await this.#takeStored(item);
    else if (item.kind === 'memory') await this.#takeMemory(item);
    else if (item.kind === 'artifact') await this.#takeArtifact(item);
    else if (item.kind === 'refused') this.#takeRefusal(item);
    else this.#takeSkip(item);
  }

  /** Waits for what is under way. */
  async end(): Promise<void> {
    await this.#storeMemory();
    await Promise.all(this.#jobs.values());
    this.#throwFailure();
    this.#report.refused = this.#refused.sort((a, b) => a.place - b.place).map(({ refusal }) => refusal);
  }

  #refuse(refusal: ImportRefusal, place = this.#place): void {
    this.#refused.push({ place, refusal });
  }

  #takeRefusal({ kind: _, of, events = 0, ...refusal }: FoundRefusal): void {
    this.#refuse(refusal);
    if (of === 'states') return;
    add(countsOf(this.#report, of), 'refused', 1);
    add(this.#report.events, 'refused', events);
  }

  #takeSkip({ file, reason }: FoundSkip): void {
    this.#report.skipped ??= [];
    this.#report.skipped.push({ file, reason });
  }

  // ── states that sessions share ──

  /** Sets the keys that the target lacks. Others stay: the target may have gone on. */
  async #takeState(found: FoundState): Promise<void> {
    const { table, appName, userId } = found;
    const row = userId === undefined ? appName : `${appName}, ${userId}`;
    const refuse = (reason: string) => this.#refuse({ table, row, reason });
    const { idBytes } = this.#transfer;
    if (holdsMarked([appName, userId])) return refuse(REASONS.number);
    if (!canHold(idBytes, appName, userId)) return refuse(cannotHold(idBytes));
    try {
      const others = await this.#mergeState(found);
      if (others > 0) refuse(`the database has other values of ${others} keys, which stay`);
    } catch (error) {
      refuse(refusalOf(error));
    }
  }

  /** Resolves to the number of keys that have another value. */
  async #mergeState({ appName, userId, state, text }: FoundState): Promise<number> {
    checkId('appName', appName);
    if (userId !== undefined) checkId('userId', userId);
    const scope = { appName, userId };
    const stored = await this.#transfer.state(scope);
    const present = (stored === undefined ? {} : parseExactly(stored.state)) as JsonObject;
    const has = (key: string) => Object.hasOwn(present, key);
    const lacking = Object.keys(state).filter((key) => !has(key));
    const members = new Map(lacking.map((key) => [key, state[key]]));
    const { dialect } = this.#backend;
    const { set, remove } = encodeDelta(dialect, Object.fromEntries(members), 'state');
    if (lacking.length > 0 && !this.#dryRun) {
      const given = text && objectOf([...membersOf(text)].filter(([key]) => members.has(key)));
      const exact = given === undefined ? restored(set) : jsonParam(dialect, given);
      await this.#backend.mergeSharedState(scope, { set: exact, remove });
    }
    return Object.keys(state).filter((key) => has(key) && !isSame(state[key], present[key])).length;
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
    const fates = store && (await this.#entriesInto(store, found));
    for (const [at, { table, record }] of found.entries()) {
      this.#countOne('memory', table, String(record.id), store === null ? 'converted' : fates?.[at]);
    }
  }

  /** All in one transaction; one by one, if one of them can't be stored. */
  async #entriesInto(store: MemoryStore, found: readonly FoundMemory[]): Promise<(EntryFate | { reason: string })[]> {
    try {
      for (const { record } of found) {
        if (hasMarked(serializeObject(record, 'the entry')))
          throw new StoreError('ADK_NOT_SERIALIZABLE', REASONS.digits);
      }
      const records = found.map(({ record }) => record);
      return await store.importEntries(records, this.#dryRun);
    } catch (error) {
      if (found.length === 1) return [{ reason: refusalOf(error) }];
      const fates: (EntryFate | { reason: string })[] = [];
      for (const one of found) fates.push(...(await this.#entriesInto(store, [one])));
      return fates;
    }
  }

  async #takeArtifact({ key, version, part, customMetadata, createTime }: FoundArtifact): Promise<void> {
    const row = `${key.name}, version ${version}`;
    if (holdsMarked([key, part])) return this.#countOne('artifacts', 'artifacts', row, { reason: REASONS.number });
    try {
      const metadata = customMetadata && restored(serializeObject(customMetadata, 'customMetadata'));
      const custom = metadata === undefined ? {} : { customMetadata: metadata };
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
    this.#refuse({ table, row, reason });
  }

  // ── sessions ──

  async #takeSession(found: FoundSession): Promise<void> {
    const events = new SessionEvents(found, this.#transfer.idBytes, this.#options.keepRewound === true);
    const held = await events.hold();
    const name = nameOf(found.key);
    // The first one of two with one id is stored.
    await this.#jobs.get(name);
    const job = this.#import(found, events, held);
    // The events of a large session are read by its job.
    if (held === undefined) await job;
    this.#jobs.set(name, job);
    void job.finally(() => this.#jobs.delete(name));
    if (this.#jobs.size >= UNDER_WAY) await Promise.race(this.#jobs.values());
    this.#throwFailure();
  }

  /** Never rejects: the import ends at the next session. */
  async #import(found: FoundSession, events: SessionEvents, held: EventPage[] | undefined): Promise<void> {
    const place = this.#place;
    try {
      const fate = await this.#store(found, events, held);
      await events.skip();
      this.#count(found, events, fate, place);
    } catch (error) {
      this.#failures.push(events.failure ?? error);
    }
  }

  async #store(found: FoundSession, events: SessionEvents, held: EventPage[] | undefined): Promise<Fate> {
    const session = storedSession(found);
    if ('reason' in session) return session;
    const [refused] = found.isWhole ? events.refused : [];
    if (refused === undefined) {
      return await storeWhole(this.#transfer, session, held ?? events.pages(), this.#dry);
    }
    events.refuseAll();
    return { reason: refused.reason };
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #takeStored({ table, session, pages }: FoundStored): Promise<void> {
    const taken = pages.reduce((sum, { rows, rewindKey }) => sum + (rewindKey === undefined ? rows.length : 0), 0);
    const fate = await storeWhole(this.#transfer, session, pages, this.#dry);
    this.#count({ table, key: session.key }, { read: taken, taken, refused: [] }, fate);
  }

  #count(
    { table, key }: Pick<FoundSession, 'table' | 'key'>,
    { read, taken, refused }: Pick<SessionEvents, 'read' | 'taken' | 'refused'>,
    fate: Fate,
    place = this.#place,
  ): void {
    const { sessions, events } = this.#report;
    const name = typeof fate === 'string' ? fate : 'refused';
    add(sessions, name, 1);
    add(events, name, taken);
    add(events, 'refused', refused.length);
    events.read += read - taken - refused.length;
    for (const refusal of refused) this.#refuse(refusal, place);
    if (typeof fate !== 'string') this.#refuse({ table, row: key.sessionId, reason: fate.reason }, place);
  }
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

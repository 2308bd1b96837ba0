import type { Backend } from '../backend.js';
import { StoreError } from '../errors.js';
import { nameOf } from '../prepare.js';
import type { SessionKey } from '../records.js';
import { fateOf, type Refusal } from './fate.js';
import { Copier } from './one.js';
import type { CheckedOptions, Copied, CopyProgress } from './options.js';
import type { Present, Stamp, Transfer } from './transfer.js';
import { verifySession } from './verify.js';

const SESSIONS_PER_PAGE = 200;
/** Sessions that are under way at the same time. */
const AT_ONCE = 4;

/** One pass over all sessions of the source. */
export class Pass {
  readonly #source: Backend;
  readonly #from: Transfer;
  readonly #to: Transfer;
  readonly #options: CheckedOptions;
  readonly #copied: Copied = { sessions: { copied: 0, unchanged: 0, deleted: 0 }, events: { copied: 0 }, refused: [] };
  readonly #progress: CopyProgress = { sessions: 0, totalSessions: 0, events: 0, characters: 0 };

  constructor(source: Backend, target: Backend, options: CheckedOptions) {
    this.#source = source;
    this.#from = source.transfer;
    this.#to = target.transfer;
    this.#options = options;
  }

  async run(): Promise<Copied> {
    const { dryRun, verify } = this.#options;
    const place = await this.#from.place();
    const apps = await this.#source.listApps();
    this.#progress.totalSessions = apps.reduce((sum, { sessions }) => sum + sessions, 0);
    const isEmpty = dryRun && !(await this.#to.hasTables());
    if (!dryRun) await this.#copyStates();
    const copier = new Copier(this.#from, this.#to, place);
    await this.#eachPage(async (stamps) => {
      const present = isEmpty ? [] : await this.#to.find(stamps.map(({ key }) => key));
      const byName = new Map(present.map((session) => [nameOf(session.key), session]));
      await this.#atOnce(stamps, (stamp) => this.#copyOne(copier, stamp, place, byName.get(nameOf(stamp.key))));
    });
    if (!isEmpty) await this.#deleteGone(place);
    await this.#copyBeside(place);
    if (verify && !dryRun) await this.#verify(place);
    this.#options.onProgress?.({ ...this.#progress });
    return this.#copied;
  }

  async #copyOne(copier: Copier, stamp: Stamp, place: string, present: Present | undefined): Promise<void> {
    let fate: 'copied' | 'unchanged' | 'gone' | Refusal = fateOf(stamp, place, present, (ms) => this.#to.keptTime(ms));
    let events = 0;
    if (fate === 'copied') {
      if (this.#options.dryRun) events = await this.#from.countEvents(stamp);
      else {
        try {
          const one = await copier.copy(stamp.key);
          ({ fate, events } = one);
          this.#progress.characters += one.characters;
        } catch (error) {
          // A damaged session is named, and the others are copied.
          if (!(error instanceof StoreError) || error.code !== 'ADK_CORRUPT_ROW') throw error;
          fate = { reason: error.message };
        }
      }
    }
    if (fate === 'copied' || fate === 'unchanged') this.#copied.sessions[fate] += 1;
    else if (fate !== 'gone') this.#refuse(stamp.key, fate);
    this.#copied.events.copied += events;
    this.#progress.events += events;
    this.#progress.sessions += 1;
    this.#options.onProgress?.({ ...this.#progress });
  }

  #refuse({ sessionId }: SessionKey, { reason }: Refusal): void {
    this.#copied.refused.push({ table: this.#source.names.sessions, row: sessionId, reason });
  }

  async #copyBeside(source: string): Promise<void> {
    const { dryRun, signal } = this.#options;
    const report = await this.#to.copyBeside?.(this.#from, { source, dryRun, signal });
    if (report === undefined) return;
    const { refused, ...counts } = report;
    Object.assign(this.#copied, counts);
    this.#copied.refused.push(...refused);
  }

  /** A newer state of the target stays. */
  async #copyStates(): Promise<void> {
    for await (const state of this.#from.states()) {
      this.#options.signal?.throwIfAborted();
      await this.#to.writeState(state);
    }
  }

  /** Deletes the sessions that an earlier copy from this source has brought, and that the source no longer has. */
  async #deleteGone(place: string): Promise<void> {
    const gone: Present[] = [];
    let last: Present | undefined;
    do {
      const page = await this.#to.copied(last, SESSIONS_PER_PAGE);
      last = page.at(-1);
      const own = page.filter(({ origin }) => origin?.source === place);
      const found = own.length === 0 ? [] : await this.#from.find(own.map(({ key }) => key));
      const names = new Set(found.map(({ key }) => nameOf(key)));
      gone.push(...own.filter(({ key }) => !names.has(nameOf(key))));
      this.#options.signal?.throwIfAborted();
    } while (last !== undefined);
    // A database never uses an internal key twice: this one has taken the place of another.
    const isOther = gone.length > 0 && (await this.#from.hasAny(gone.map(({ origin }) => origin?.sessionNumber ?? 0)));
    for (const session of gone) {
      if (isOther)
        this.#refuse(session.key, { reason: 'it was copied from another database at the place of the source' });
      else if (session.revision !== session.origin?.revision) {
        this.#refuse(session.key, {
          reason: 'deleted from the source, but the target has changed it since it was copied',
        });
      } else if (this.#options.dryRun || (await this.#to.deleteUnchanged(session))) this.#copied.sessions.deleted += 1;
    }
  }

  async #verify(place: string): Promise<void> {
    const verified = { sessions: 0, events: 0 };
    const refused = new Set(this.#copied.refused.map(({ row }) => row));
    await this.#eachPage(async (stamps) => {
      await this.#atOnce(stamps, async ({ key }) => {
        if (refused.has(key.sessionId)) return;
        const events = await verifySession(this.#from, this.#to, key);
        if (typeof events !== 'number') this.#refuse(key, events);
        else {
          verified.sessions += 1;
          verified.events += events;
        }
      });
    });
    for await (const state of this.#from.states()) {
      const target = await this.#to.state(state);
      if (target?.state === state.state) continue;
      const { appStates, userStates } = this.#source.names;
      const [table, row] =
        state.userId === undefined ? [appStates, state.appName] : [userStates, `${state.appName}, ${state.userId}`];
      this.#copied.refused.push({ table, row, reason: 'the target has another state' });
    }
    const beside = await this.#to.copyBeside?.(this.#from, {
      source: place,
      dryRun: true,
      signal: this.#options.signal,
    });
    const { memory, artifacts } = this.#source.names;
    for (const [table, counts] of [
      [memory, beside?.memory],
      [artifacts, beside?.artifacts],
    ] as const) {
      if (!counts || counts.copied === 0) continue;
      this.#copied.refused.push({ table, row: `${counts.copied} rows`, reason: 'they differ, or have changed since' });
    }
    this.#copied.verified = verified;
  }

  /** Goes through the sessions of the source, also those that are created meanwhile, as far as its order allows. */
  async #eachPage(work: (stamps: Stamp[]) => Promise<void>): Promise<void> {
    for (let last: Stamp | undefined; ; ) {
      const stamps = await this.#from.stamps(last, SESSIONS_PER_PAGE);
      if (stamps.length === 0) return;
      await work(stamps);
      last = stamps.at(-1);
    }
  }

  /** Waits for all that is under way before it rejects. */
  async #atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const rest = items.values();
    let failed = false;
    const worker = async () => {
      for (const item of rest) {
        if (failed) return;
        this.#options.signal?.throwIfAborted();
        await work(item).catch((error) => {
          failed = true;
          throw error;
        });
      }
    };
    const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }
}

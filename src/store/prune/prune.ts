import type { BatchQuery, Executor } from '../../executor.js';
import { ArtifactLayout } from '../artifacts/layout.js';
import { type Sweep, sweep } from '../artifacts/sweep.js';
import { StoreError } from '../errors.js';
import { scopesTable } from '../memory/erasure.js';
import { resolveNames } from '../names.js';
import { type StatementResult, sendBatch } from '../sqlite/context.js';
import { refuseForeignFile } from '../sqlite/foreign-tables.js';
import {
  type Cuts,
  checkPolicy,
  checkPruneOptions,
  type PruneKind,
  type PruneOptions,
  type RetentionPolicy,
} from './policy.js';
import { buildRules, buildSurplus, type Rule, TABLES } from './queries.js';

/** Rows that one read looks at. */
const ROWS_PER_PAGE = 1_000;
const SESSIONS_PER_PAGE = 50;
/** Rows that one job deletes: writers wait some milliseconds at most. */
const ROWS_PER_JOB = { sessions: 50, events: 1_000, memory: 100, userStates: 500 } as const;
const PAGES_PER_VACUUM = 500;

/** Rows removed, by kind. Events that go with their session are not counted among the events. */
export type Pruned = Record<PruneKind, number>;

/**
 * Applies rules of retention in small batches, so that writers never wait long, then gives free pages back to the file system
 * where the file has `auto_vacuum = incremental`. A run that has ended half-way goes on where it is called again; a second
 * one finds nothing more. Deleted content is overwritten. Rejects a RangeError for a policy without a rule, and
 * `'ADK_SCHEMA_MISMATCH'` for a file of another ADK program.
 *
 * @example
 * const found = await prune(pool, { idleDays: 90, memoryDays: 365, artifactOrphanDays: 7 }, { dryRun: true });
 */
export async function prune(db: Executor, policy: RetentionPolicy, options: PruneOptions = {}): Promise<Pruned> {
  const cuts = checkPolicy(policy, Date.now());
  checkPruneOptions(options);
  return await new Run(db, cuts, options).run();
}

class Run {
  readonly #db: Executor;
  readonly #cuts: Cuts;
  readonly #options: PruneOptions;
  readonly #names: ReturnType<typeof resolveNames>;
  readonly #artifacts: ArtifactLayout;
  readonly #removed: Pruned = { sessions: 0, events: 0, memory: 0, userStates: 0, artifacts: 0 };

  constructor(db: Executor, cuts: Cuts, options: PruneOptions) {
    const { blobsTable, ...tables } = options.tables ?? {};
    const { memoryTable: _, userStatesTable: __, ...shared } = tables;
    this.#db = db;
    this.#cuts = cuts;
    this.#options = options;
    this.#names = resolveNames(tables);
    this.#artifacts = new ArtifactLayout(blobsTable === undefined ? shared : { ...shared, blobsTable });
  }

  async run(): Promise<Pruned> {
    const { sessions, events, changes, userStates, memory, artifacts, metadata } = this.#names;
    await refuseForeignFile(this.#db, metadata);
    const has = await this.#tables();
    // In a dry run the sessions that go are still there.
    const idle = this.#options.dryRun ? (this.#cuts.idleDays ?? null) : null;
    const rules = buildRules(this.#names, this.#cuts, idle, this.#throwIfAborted);
    if (has(sessions) && has(events)) {
      if (!has(changes))
        throw new StoreError(
          'ADK_SCHEMA_VERSION',
          `${sessions} is of an older version: call createTables() of its store`,
        );
      await this.#apply('sessions', rules.sessions);
      await this.#apply('events', rules.events);
      await this.#apply('events', rules.archive);
      await this.#removeSurplus(idle);
      if (has(userStates)) await this.#apply('userStates', rules.userStates);
    }
    if (has(memory) && has(scopesTable(memory))) await this.#apply('memory', rules.memory);
    if (has(artifacts)) await this.#sweep();
    if (!this.#options.dryRun) await this.#vacuum();
    return this.#removed;
  }

  readonly #throwIfAborted = () => this.#options.signal?.throwIfAborted();

  async #tables(): Promise<(name: string) => boolean> {
    const [found] = await this.#read({ sql: TABLES });
    const names = new Set((found?.rows ?? []).map(([name]) => name));
    return (name) => names.has(name.toLowerCase());
  }

  /** Goes through the rows of a table once. */
  async #apply(kind: keyof typeof ROWS_PER_JOB, rule: Rule | undefined): Promise<void> {
    if (rule === undefined) return;
    await this.#walk<number>(rule, ROWS_PER_PAGE, async (keys) => {
      for (let at = 0; at < keys.length; at += ROWS_PER_JOB[kind]) {
        const some = keys.slice(at, at + ROWS_PER_JOB[kind]);
        this.#report(kind, this.#options.dryRun ? some.length : await rule.remove(this.#db, some));
      }
    });
  }

  /** Keeps the newest events of each session. */
  async #removeSurplus(idle: number | null): Promise<void> {
    const { maxEventsPerSession: most, appName, eventDays = null } = this.#cuts;
    if (most === undefined) return;
    const { dryRun } = this.#options;
    const surplus = buildSurplus(this.#names, most, appName, idle, dryRun ? eventDays : null, this.#throwIfAborted);
    const limit = ROWS_PER_JOB.events;
    await this.#walk<[session: number, events: number]>(surplus, SESSIONS_PER_PAGE, async (sessions) => {
      for (const [session, events] of sessions) {
        if (dryRun) this.#report('events', events);
        for (let deleted = dryRun ? 0 : limit; deleted === limit; ) {
          deleted = await surplus.remove(this.#db, session, limit);
          this.#report('events', deleted);
        }
      }
    });
  }

  async #walk<Item>(
    { page }: Pick<Rule, 'page'>,
    limit: number,
    each: (items: Item[]) => Promise<void>,
  ): Promise<void> {
    for (let after = 0, full = true; full; ) {
      this.#throwIfAborted();
      const [result] = await this.#read(page(after, limit));
      const [last, count, items] = result?.rows[0] ?? [];
      await each(JSON.parse(items as string) as Item[]);
      full = Number(count) === limit;
      after = Number(last);
    }
  }

  async #sweep(): Promise<void> {
    const { artifactOrphanDays: before, appName, idleDays, eventDays, maxEventsPerSession } = this.#cuts;
    if (before === undefined) return;
    const { dryRun = false, signal } = this.#options;
    let reported = 0;
    const afterStep = ({ versions }: { versions: number }) => {
      this.#report('artifacts', versions - reported);
      reported = versions;
      signal?.throwIfAborted();
    };
    const options: Sweep = { before, appName, dryRun, afterStep };
    // In a dry run events that go before are still there.
    if (dryRun) {
      options.leaving = { idle: idleDays ?? null, old: eventDays ?? null, surplus: maxEventsPerSession ?? null };
    }
    await sweep(this.#db, this.#artifacts, options);
  }

  /** Frees pages in steps, where the file was made with `auto_vacuum = incremental`. */
  async #vacuum(): Promise<void> {
    const mode = await this.#db.get('PRAGMA auto_vacuum');
    if (Number(mode?.auto_vacuum) !== 2) return;
    for (;;) {
      this.#throwIfAborted();
      const free = await this.#db.get('PRAGMA freelist_count');
      if (Number(free?.freelist_count) === 0) return;
      await this.#db.all(`PRAGMA incremental_vacuum(${PAGES_PER_VACUUM})`);
    }
  }

  #report(kind: PruneKind, removed: number): void {
    if (removed === 0) return;
    this.#removed[kind] += removed;
    this.#options.onProgress?.({ kind, removed: this.#removed[kind] });
    this.#throwIfAborted();
  }

  #read(query: BatchQuery): Promise<StatementResult[]> {
    return sendBatch({ db: this.#db }, [query]);
  }
}

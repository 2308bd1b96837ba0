import type { BatchQuery, Executor } from '../../executor.js';
import { corruptRow } from '../errors.js';
import { type StatementResult, sendBatch, sendWrites } from '../sqlite/context.js';
import type { ArtifactLayout } from './layout.js';

/** Work of one transaction: writers wait some milliseconds at most. */
const VERSIONS_PER_STEP = 200;
const BLOBS_PER_STEP = 50;

/** Numbers of a sweep: versions removed, and bytes of content removed. */
export interface Swept {
  /** Versions that were removed. */
  versions: number;
  /** Bytes of content that were removed. */
  bytes: number;
}

/** An old version, as the query `old` gives it. */
type OldVersion = [
  artifactKey: number,
  appName: string,
  userId: string,
  sessionId: string,
  name: string,
  version: number,
  sha256: string,
  size: number,
];

/** Rules by which events go before a sweep; null where there is none. Times are Julian Days. */
interface Leaving {
  /** Sessions last updated before this time, with their versions. */
  idle: number | null;
  /** Events older than this time. */
  old: number | null;
  /** Events beyond the newest so many of each session. */
  surplus: number | null;
}
const NOTHING: Leaving = { idle: null, old: null, surplus: null };

/** Selects the versions that a sweep removes; times are Julian Days. */
export interface Sweep {
  before: number;
  /** Only this app's, unless null. */
  appName?: string | null;
  /** Events and sessions that are deleted before a sweep, in a dry run. */
  leaving?: Leaving;
  /** Counts versions and removes nothing. */
  dryRun?: boolean;
  /** Called after each step; ends the sweep by an exception. */
  afterStep?: (swept: Swept) => void;
}

/**
 * Removes old versions that no event mentions, then blobs without a version. Without the tables of a session store there
 * is no telling what events mention, and only blobs are removed.
 */
export async function sweep(db: Executor, layout: ArtifactLayout, options: Sweep): Promise<Swept> {
  const swept: Swept = { versions: 0, bytes: 0 };
  if (await hasEvents(db, layout)) {
    for (let after: number | undefined = 0; after !== undefined; ) {
      const from: number = after;
      const step = (tx: Executor) => sweepVersions(tx, layout, from, options, swept);
      after = options.dryRun ? await step(db) : await db.transaction(step);
      options.afterStep?.({ ...swept });
    }
  }
  if (options.dryRun) return swept;
  for (let found = BLOBS_PER_STEP; found === BLOBS_PER_STEP; ) found = await sweepBlobs(db, layout, swept);
  return swept;
}

async function hasEvents(db: Executor, { names, sql }: ArtifactLayout): Promise<boolean> {
  const [found] = await sendBatch({ db }, [{ sql: sql.tables, params: [names.sessions, names.events, names.rewound] }]);
  return Number(found?.rows[0]?.[0]) === 3;
}

/** One step through the old versions; the last key of the step, or `undefined` at the end. */
async function sweepVersions(
  tx: Executor,
  layout: ArtifactLayout,
  after: number,
  { before, appName = null, leaving = NOTHING, dryRun }: Sweep,
  swept: Swept,
): Promise<number | undefined> {
  const { sql } = layout;
  const params = [after, before, appName, leaving.idle, VERSIONS_PER_STEP];
  const [page] = await sendBatch({ db: tx }, [{ sql: sql.old, params }]);
  const rows = (page?.rows ?? []).map(decodeOldVersion);
  const mentioned = await readMentions(tx, layout, rows, leaving);
  const unmentioned = rows.filter((row) => !mentioned.has(mentionOf(scopeOf(row), row[4], row[5])));
  if (dryRun) swept.versions += unmentioned.length;
  else if (unmentioned.length > 0) {
    const deletes: BatchQuery[] = unmentioned.map(([key]) => ({ sql: sql.deleteVersion, params: [key] }));
    // Two versions of equal bytes count once.
    const sizes = new Map(unmentioned.map((row) => [row[6], row[7]]));
    const looks = [...sizes.keys()].map((hash) => ({ sql: sql.hasBlob, params: [hash] }));
    const left = (await sendWrites({ db: tx }, [...deletes, ...looks])).slice(deletes.length);
    swept.versions += unmentioned.length;
    for (const [at, size] of [...sizes.values()].entries()) if (left[at]?.rows.length === 0) swept.bytes += size;
  }
  return rows.length === VERSIONS_PER_STEP ? rows.at(-1)?.[0] : undefined;
}

/** Numbers, in any integerMode. */
function decodeOldVersion([key, appName, userId, sessionId, name, version, sha256, size]: unknown[]): OldVersion {
  const texts = [appName, userId, sessionId, name] as [string, string, string, string];
  return [Number(key), ...texts, Number(version), sha256 as string, Number(size)];
}

/** Every (scope, name, version) that events of these rows' scopes mention. */
async function readMentions(
  tx: Executor,
  layout: ArtifactLayout,
  rows: OldVersion[],
  { idle, old, surplus }: Leaving,
): Promise<Set<string>> {
  const mentioned = new Set<string>();
  const scopes = new Map(rows.map((row) => [scopeOf(row), row]));
  for (const [scope, [, appName, userId, sessionId]] of scopes) {
    const { session, user } = layout.sql.mentions;
    const ofUser = sessionId === '';
    const params = [appName, userId, ofUser ? null : sessionId, idle, old, surplus];
    const [events] = (await sendBatch({ db: tx }, [{ sql: ofUser ? user : session, params }])) as [StatementResult];
    for (const [id, delta] of events.rows) {
      for (const [name, version] of Object.entries(parseDelta(delta, layout.names.events, String(id)))) {
        mentioned.add(mentionOf(scope, name, version));
      }
    }
  }
  return mentioned;
}

/** `null`: the event has no `artifactDelta` at its usual place. */
function parseDelta(json: unknown, table: string, id: string): object {
  try {
    return (JSON.parse((json ?? '{}') as string) as object | null) ?? {};
  } catch (error) {
    throw corruptRow(table, id, 'actions', error);
  }
}

const scopeOf = ([, appName, userId, sessionId]: OldVersion) => JSON.stringify([appName, userId, sessionId]);
const mentionOf = (scope: string, name: string, version: unknown) => JSON.stringify([scope, name, version]);

/** Removes some blobs that no version has; resolves to how many it found. */
async function sweepBlobs(db: Executor, { sql }: ArtifactLayout, swept: Swept): Promise<number> {
  return await db.transaction(async (tx) => {
    const [unused] = await sendBatch({ db: tx }, [{ sql: sql.unusedBlobs, params: [BLOBS_PER_STEP] }]);
    const rows = unused?.rows ?? [];
    for (const [, bytes] of rows) swept.bytes += Number(bytes);
    if (rows.length > 0) {
      await sendWrites(
        { db: tx },
        rows.map(([hash]) => ({ sql: sql.deleteBlob, params: [hash as string] })),
      );
    }
    return rows.length;
  });
}

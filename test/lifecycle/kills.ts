import { existsSync, readFileSync } from 'node:fs';
import { type Connection, connect } from 'aiosqlite';
import { MemoryStore, SessionStore } from 'aiosqlite/store';
import { expect } from 'vitest';
import { start } from '../support/child.js';
import { sleep } from '../support/time.js';

/**
 * What a process was doing when it was killed; all but the last with 64 writers, whose writes share commits. One that is
 * told of a write kills itself at that very moment: a commit that is still going on then is lost.
 */
export type Kind =
  | 'told'
  | 'pool'
  | 'connection'
  | 'store'
  | 'memory'
  | 'checkpoint'
  | 'backup'
  | 'closing'
  | 'creation';

export interface Tally {
  kills: number;
  /** Writes that a process had been told were committed. */
  acknowledged: number;
  /** Those that had been committed, but the kill came before the process was told. */
  untold: number;
  /** Kills that came between the begin and the end of the checkpoint, the backup, the closing, the creation. */
  inside: number;
}

/** A file that has grown through so many lives is as good as any; a longer one would only take longer to check. */
const LIVES_PER_FILE = 25;

/** A process is not killed before it was told of so many writes. */
const LEAST_WRITES = 15;

/** From what the child says to the kill, in milliseconds: at least, at most. */
const DELAYS: Record<Exclude<Kind, 'told'>, [says: string, least: number, most: number]> = {
  pool: ['begins', 20, 220],
  connection: ['begins', 20, 220],
  store: ['begins', 20, 220],
  memory: ['begins', 20, 220],
  checkpoint: ['begins', 20, 150],
  backup: ['begins', 20, 150],
  closing: ['closing', 0, 10],
  creation: ['begins', 0, 40],
};

/**
 * Starts a process, kills it with SIGKILL at a random moment, and looks at what it has left: so many times over, each
 * life on the file that the one before has left. Throws if an acknowledged write is missing or the database is not sound.
 */
export async function hunt(on: { file(name?: string): string }, kind: Kind, kills: number): Promise<Tally> {
  const tally: Tally = { kills: 0, acknowledged: 0, untold: 0, inside: 0 };
  for (let life = 0; life < kills; life++) {
    const generation = kind === 'creation' ? life : Math.floor(life / LIVES_PER_FILE);
    const file = on.file(`${kind}-${generation}.db`);
    const notes = `${file}-notes-${life}`;
    await using before = await openIfThere(file);
    const known = before ? await idsIn(before, kind) : new Set<number>();
    await before?.close();

    const from = Math.max(0, ...known) + 1;
    const script = kind === 'creation' ? 'create.mjs' : 'append.mjs';
    const args = kind === 'creation' ? [file, notes] : [kind, file, from, notes];
    await using child = start(new URL(`children/${script}`, import.meta.url), args);
    if (kind !== 'told') {
      const [says, least, most] = DELAYS[kind];
      await child.said(says);
      if (says === 'begins' && kind !== 'creation') await noted(notes, LEAST_WRITES);
      await sleep(least + Math.random() * (most - least));
      child.kill('SIGKILL');
    }
    const end = await child.ended;
    expect(end, end.stderr).toMatchObject({ code: null, signal: 'SIGKILL' });

    const lines = linesOf(notes);
    const acknowledged = writesIn(lines);
    await expectComplete(file, kind, [...known, ...acknowledged], tally);
    tally.kills++;
    tally.acknowledged += acknowledged.length;
    if (lines.findLast((line) => line === '+' || line === '-') === '+') tally.inside++;
  }
  return tally;
}

/** Waits until a process has been told of so many writes, however slow the machine is. */
async function noted(notes: string, count: number): Promise<void> {
  while (writesIn(linesOf(notes)).length < count) await sleep(5);
}

/** Lines that a process has noted. The last one counts once its break is there: a kill may have cut it. */
const linesOf = (notes: string) => readFileSync(notes, 'utf8').split('\n').slice(0, -1);

/** The writes among them. */
const writesIn = (lines: string[]) => lines.map(Number).filter((id) => !Number.isNaN(id));

/** As one line. */
export function report(kind: Kind, { kills, acknowledged, untold, inside }: Tally): string {
  const within = ['checkpoint', 'backup', 'closing', 'creation'].includes(kind) ? ` (${inside} during ${kind})` : '';
  return `${kind}: ${kills} kills${within}, ${acknowledged} acknowledged writes, 0 missing, ${untold} committed but not told`;
}

async function openIfThere(file: string): Promise<Connection | undefined> {
  return existsSync(file) ? connect(file) : undefined;
}

async function expectComplete(file: string, kind: Kind, known: number[], tally: Tally): Promise<void> {
  await using db = await connect(file);
  expect(await db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  expect(await db.all('PRAGMA foreign_key_check')).toEqual([]);
  if (kind === 'creation') return await expectCreated(db, known);

  const stored = await idsIn(db, kind);
  expect(known.filter((id) => !stored.has(id))).toEqual([]);
  tally.untold += stored.size - new Set(known).size;
  if (kind === 'memory') await expectMemory(db);
  if (kind === 'store' || kind === 'memory') await expectStates(db);
  // Both rows of a batch or none.
  else expect(await db.get("SELECT count(*) % 2 AS n FROM t WHERE x = 'batch'")).toEqual({ n: 0 });
  if (kind === 'backup' && existsSync(`${file}-copy`)) {
    // The file alone, as whoever fetches it sees it: with nothing beside it that would have to be rolled back first.
    await using copy = await connect(`file:${file}-copy?immutable=1`, { readonly: true });
    expect(await copy.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect(await copy.get("SELECT count(*) % 2 AS n FROM t WHERE x = 'batch'")).toEqual({ n: 0 });
  }
}

async function idsIn(db: Connection, kind: Kind): Promise<Set<number>> {
  if (kind === 'creation') return new Set();
  const table = kind === 'store' || kind === 'memory' ? 'adk_events' : 't';
  const there = await db.get('SELECT 1 FROM sqlite_schema WHERE name = ?', [table]);
  if (!there) return new Set();
  const rows = await db.all<[number]>(`SELECT CAST(id AS INTEGER) FROM ${table}`, [], { rowMode: 'array' });
  return new Set(rows.map(([id]) => id));
}

/** An event and its three states are one write: what each writer has written last is what the states say. */
async function expectStates(db: Connection): Promise<void> {
  const store = new SessionStore(db);
  const rows = await db.all<{ session: string; author: string; last: number }>(
    'SELECT session_id AS session, author, max(CAST(id AS INTEGER)) AS last FROM adk_events GROUP BY 1, 2',
  );
  const sessions: Record<string, Record<string, number>> = {};
  const shared: Record<string, number> = {};
  for (const { session, author, last } of rows) {
    sessions[session] ??= {};
    sessions[session][author] = last;
    shared[author] = last;
  }
  expect(await store.getUserState('app', 'ada')).toEqual(shared);
  expect(await store.getAppState('app')).toEqual(shared);
  for (let session = 0; session < 8; session++) {
    const key = { appName: 'app', userId: 'ada', sessionId: `s${session}` };
    const stored = await store.getSession(key);
    expect(stored?.state ?? {}).toEqual(sessions[key.sessionId] ?? {});
  }
}

/** An event and its memory entry are one write, and the index has the words of each. */
async function expectMemory(db: Connection): Promise<void> {
  const pairs = `SELECT count(*) AS n FROM adk_events AS e FULL JOIN adk_memory AS m
    ON m.session_id = e.session_id AND m.event_id = e.id WHERE e.id IS NULL OR m.id IS NULL`;
  expect(await db.get(pairs)).toEqual({ n: 0 });
  await db.run("INSERT INTO adk_memory_fts (adk_memory_fts, rank) VALUES ('integrity-check', 1)");
  const last = await db.get('SELECT session_id, id FROM adk_events ORDER BY seq DESC LIMIT 1');
  if (last === undefined) return;
  const query = { appName: 'app', userId: 'ada', query: `Where is word${last.id}?` };
  expect(await new MemoryStore(db).search(query)).toMatchObject([{ sessionId: last.session_id, id: last.id }]);
}

/** All of the tables or none, and whoever comes next can make and use them. */
async function expectCreated(db: Connection, known: number[]): Promise<void> {
  const [{ n: tables } = { n: -1 }] = await db.all<{ n: number }>(
    "SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table' AND name LIKE 'adk_%'",
  );
  expect([0, 7]).toContain(tables);
  if (known.includes(1)) expect(tables).toBe(7);
  const store = new SessionStore(db);
  await store.createTables();
  const key = { appName: 'app', userId: 'ada', sessionId: 's1' };
  if (known.includes(2)) expect(await store.getSession(key)).toBeDefined();
  await store.createSession({ ...key, ifExists: 'return' });
  const event = { ...key, id: 'e1', author: 'a', invocationId: 'i', timestamp: 1, actions: {} };
  await store.appendEvent(event, { session: { done: true } });
  expect((await store.getSession(key))?.state).toEqual({ done: true });
}

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEvent } from '@google/adk';
import { connect, createPool } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';
import { SessionStore } from 'aiosqlite/store';
import { expect } from 'vitest';
import { run, start } from '../support/child.js';
import type { Budget } from './check.js';

interface Report {
  calls: number;
  outcomes: Record<string, number>;
  unexpected: string[];
}

/** Three databases to be damaged: one at rest, one with a WAL that was not written back, one with a hot journal. */
async function makeTemplates(folder: string): Promise<void> {
  const file = join(folder, 'work', 'agent.db');
  const database = await connect(file, { pragmas: { page_size: 1024, auto_vacuum: 'full' } });
  await database.exec("CREATE VIRTUAL TABLE note USING fts5 (text); INSERT INTO note VALUES ('a word'), ('some text')");
  await database.exec(
    'CREATE TABLE point (id INTEGER PRIMARY KEY, x REAL CHECK (x >= 0), y AS (x * 2)); CREATE INDEX by_y ON point (y)',
  );
  await database.exec('CREATE VIRTUAL TABLE box USING rtree (id, a, b); INSERT INTO box VALUES (1, 0, 1), (2, 3, 4)');
  await database.executeMany(
    'INSERT INTO point (x) VALUES (?)',
    Array.from({ length: 200 }, (_, i) => [i]),
  );
  await database.close();

  const pool = createPool({ database: file });
  const service = new SqliteSessionService(new SessionStore(pool));
  for (let s = 0; s < 4; s += 1) {
    const session = await service.createSession({
      appName: 'app',
      userId: 'ada',
      sessionId: `s${s}`,
      state: { 'app:a': 1, b: 'x'.repeat(900 * s) },
    });
    for (let e = 0; e < 15; e += 1) {
      await service.appendEvent({
        session,
        event: createEvent({ id: `e${e}`, author: 'user', content: { parts: [{ text: 'word '.repeat(e * 20) }] } }),
      });
    }
  }
  copyFileSync(file, join(folder, 'wal.db'));
  copyFileSync(`${file}-wal`, join(folder, 'wal.db-wal'));
  await pool.close();
  copyFileSync(file, join(folder, 'rest.db'));

  const journalled = await connect(file, { journalMode: 'delete' });
  await journalled.close();
  await using child = start(new URL('children/hot-journal.mjs', import.meta.url), [file]);
  await child.said('written');
  child.kill('SIGKILL');
  await child.ended;
  expect(existsSync(`${file}-journal`)).toBe(true);
  copyFileSync(file, join(folder, 'journal.db'));
  copyFileSync(`${file}-journal`, join(folder, 'journal.db-journal'));
}

/** Damaged files, used in processes of their own: every call ends, with a result or with a code of SQLite or the store. */
export async function checkDamage({ runs, ms }: Budget): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-property-'));
  const total: Report = { calls: 0, outcomes: {}, unexpected: [] };
  const began = performance.now();
  let files = 0;
  try {
    mkdirSync(join(folder, 'work'));
    await makeTemplates(folder);
    do {
      const seed = Math.floor(Math.random() * 2 ** 31);
      const script = new URL('children/damaged.mjs', import.meta.url);
      const { code, signal, stdout, stderr } = await run(script, [folder, seed, runs], [], 30_000 + runs * 20_000);
      const last = stdout.trimEnd().split('\n').at(-1) as string;
      expect({ code, signal }, `seed ${seed}, ${runs} copies, the last was ${last}: ${stderr}`).toEqual({
        code: 0,
        signal: null,
      });
      const report = JSON.parse(last) as Report;
      expect(report.unexpected, `seed ${seed}`).toEqual([]);
      files += 6 * runs;
      total.calls += report.calls;
      for (const [outcome, count] of Object.entries(report.outcomes))
        total.outcomes[outcome] = (total.outcomes[outcome] ?? 0) + count;
    } while (performance.now() - began < ms);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(
    `damaged files: ${files}, ${total.calls} calls in ${((performance.now() - began) / 1000).toFixed(1)} s, 0 crashes, 0 hangs`,
    total.outcomes,
  );
  // What was damaged was met, or nothing was tried.
  expect(total.outcomes.SQLITE_CORRUPT ?? 0).toBeGreaterThan(0);
  expect(total.outcomes.ok ?? 0).toBeGreaterThan(0);
}

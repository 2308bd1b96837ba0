import { readFileSync } from 'node:fs';
import { connect } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { start } from '../support/child.js';
import { databases } from '../support/databases.js';
import { sleep } from '../support/time.js';

const on = databases();
const script = new URL('children/append.mjs', import.meta.url);

describe('a process that is killed at a random moment', () => {
  test.each(['pool', 'connection'])(
    'has lost no write that its %s has acknowledged, 5 times over',
    { timeout: 60_000 },
    async (kind) => {
      const acknowledged = new Set<number>();
      let from = 1;
      for (let round = 0; round < 5; round++) {
        await using child = start(script, [kind, on.file(), from, on.file('notes')]);
        await child.said('begins');
        await sleep(20 + Math.random() * 200);
        child.kill('SIGKILL');
        const end = await child.ended;
        expect(end, end.stderr).toMatchObject({ signal: 'SIGKILL' });
        const ids = readFileSync(on.file('notes'), 'utf8').split('\n').filter(Boolean).map(Number);
        for (const id of ids) acknowledged.add(id);

        await using db = await connect(on.file());
        expect(await db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
        const rows = await db.all<[number]>('SELECT id FROM t', [], { rowMode: 'array' });
        const stored = new Set(rows.map(([id]) => id));
        expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
        // Both rows of a batch or none.
        const halves = await db.get<{ n: number }>("SELECT count(*) % 2 AS n FROM t WHERE x = 'batch'");
        expect(halves).toEqual({ n: 0 });
        from = Math.max(...stored) + 1;
      }
      expect(acknowledged.size).toBeGreaterThan(5 * 10);
      console.log(`${kind}: 5 kills, ${acknowledged.size} acknowledged writes, none missing`);
    },
  );
});

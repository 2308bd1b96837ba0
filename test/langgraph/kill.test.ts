import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'aiosqlite';
import { SqliteSaver } from 'aiosqlite/langgraph';
import { expect, test } from 'vitest';
import { start } from '../support/child.js';
import { databases } from '../support/databases.js';
import { sleep, until } from '../support/time.js';

const on = databases();
const LIVES = 4;
const LEAST_NOTES = 200;

test('each checkpoint and write that was acknowledged is there, whole, after kill -9', async () => {
  const notes = on.file('notes');
  const lines = () => (existsSync(notes) ? readFileSync(notes, 'utf8').split('\n').slice(0, -1) : []);
  for (let life = 0; life < LIVES; life++) {
    await using child = start(new URL('children/put.mjs', import.meta.url), [on.file(), notes, life]);
    const known = lines().length;
    await until(() => lines().length >= known + LEAST_NOTES);
    await sleep(Math.random() * 50);
    child.kill('SIGKILL');
    expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
  }

  await using saver = new SqliteSaver(on.file());
  for (const line of lines()) {
    const [what, thread_id, checkpoint_id, n] = line.split(' ');
    const tuple = await saver.getTuple({ configurable: { thread_id, checkpoint_id } });
    const { a, b } = tuple?.checkpoint.channel_values ?? {};
    expect(a, line).toBe(`${checkpoint_id}-a`);
    expect((b as Uint8Array).every((byte) => byte === Number(n) % 256) && (b as Uint8Array).length, line).toBe(3_000);
    const all = [
      ['task', 'x', checkpoint_id],
      ['task', 'y', checkpoint_id],
    ];
    if (what === 'writes') expect(tuple?.pendingWrites, line).toEqual(all);
    // A commit has all writes of a call, or none.
    else expect([0, 2], line).toContain(tuple?.pendingWrites?.length);
  }
  await using db = await connect(on.file());
  expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
  // Nor is there half of a checkpoint that was not acknowledged.
  const halves =
    await db.all(`SELECT checkpoint_id FROM langgraph_checkpoints JOIN langgraph_values USING (checkpoint_key)
    GROUP BY checkpoint_id HAVING count(*) <> 2`);
  expect(halves).toEqual([]);
});

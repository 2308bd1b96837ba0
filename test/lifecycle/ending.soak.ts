import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';

const on = databases();
const ROUNDS = 1_000;

describe('worker threads', () => {
  test('are terminated a thousand times, in every state in turn, without a crash, a hang or a leak', async () => {
    const script = new URL('children/rounds.mjs', import.meta.url);
    const end = await run(script, [ROUNDS, on.file()], [], 1_100_000);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(end.stdout)).toEqual({ rounds: ROUNDS, left: { threads: 0, files: 0 } });
    console.log(
      `${ROUNDS} rounds of terminate() in ${Math.round(end.ms / 1_000)} s: 0 crashes, 0 hangs, 0 left behind`,
    );
  });
});

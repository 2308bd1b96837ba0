import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { SessionStore } from 'aiosqlite/store';
import { event } from '../fixtures.js';
import { fill, key } from './fixtures.js';

const program = fileURLToPath(new URL('../../../lib/cli/main.js', import.meta.url));

/** A process of `aiosqlite copy`. */
function start(args: string[]) {
  const child = spawn(process.execPath, [program, 'copy', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return { child, ended, stderr: () => stderr };
}

/** Runs a copy to its end. Resolves to how long it took. */
export async function copyWhole(args: string[]): Promise<number> {
  const begin = performance.now();
  const { ended, stderr } = start(args);
  if ((await ended) !== 0) throw new Error(`the copy failed: ${stderr()}`);
  return performance.now() - begin;
}

/**
 * Kills a copy at random moments of its run, each time continuing with what it left; a target that it has finished is given
 * to `whole`, and a new one begins. `argsOf` makes the arguments for the nth target.
 */
export async function killCopies(
  times: number,
  wholeMs: number,
  argsOf: (target: number) => string[],
  whole: (target: number) => Promise<void>,
): Promise<{ killed: number; finished: number }> {
  let target = 0;
  let killed = 0;
  while (killed < times) {
    const { child, ended, stderr } = start(argsOf(target));
    const code = await Promise.race([ended, sleep(Math.random() * wholeMs).then(() => 'running' as const)]);
    if (code === 'running') {
      child.kill('SIGKILL');
      // It may have ended in the meantime.
      if ((await ended) === null) killed++;
    } else if (code === 0) await whole(target++);
    else throw new Error(`the copy failed: ${stderr()}`);
  }
  await copyWhole(argsOf(target));
  await whole(target);
  return { killed, finished: target + 1 };
}

/** Short sessions, a long one, and one that was taken back. */
export async function fillForKills(store: SessionStore): Promise<void> {
  await fill(store, 120);
  await store.createSession(key('long'));
  const events = Array.from({ length: 3_000 }, (_, i) => event(`e${i}`, key('long')));
  for (let at = 0; at < events.length; at += 500) await store.appendEvents(events.slice(at, at + 500));
  await store.createSession(key('rewound'));
  for (let i = 0; i < 6; i++) {
    await store.appendEvent(event(`e${i}`, { ...key('rewound'), invocationId: `i${i}` }), { session: { i } });
  }
  await store.rewind(key('rewound'), { beforeInvocationId: 'i2' });
}

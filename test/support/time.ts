import type { Executor } from 'aiosqlite';

/** A SELECT that never ends by itself. */
export const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';

/** Counts to its parameter: takes as long as {@link countFor} says. */
export const COUNT_TO =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) AS n FROM n';

/**
 * Longer than any test may take. A wait with this limit that ends was ended by something else, and the test need not read
 * a clock to show it.
 */
export const FOREVER_MS = 600_000;

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What one waits for and another opens. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** How far {@link COUNT_TO} has to count to take about `ms` here. */
export async function countFor(db: Executor, ms: number): Promise<number> {
  const sample = 200_000;
  await db.get(COUNT_TO, [1]);
  const took = await timed(() => db.get(COUNT_TO, [sample]));
  return Math.ceil((sample * ms) / took);
}

/** Milliseconds until `work` settles. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work().catch(() => {});
  return performance.now() - start;
}

/** Gives the event loop that many turns. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Repeats an attempt that depends on the scheduler, such as writes that meet in one commit. Throws if all 50 fail. */
export async function onOneOfManyTries(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 50) throw error;
    }
  }
}

/** The name of the call that settles first. */
export function first(calls: Record<string, Promise<unknown>>): Promise<string> {
  const names = Object.entries(calls).map(([name, call]) =>
    call.then(
      () => name,
      () => name,
    ),
  );
  return Promise.race(names);
}

/** Waits until `condition` holds; throws after `ms`. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 120_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${condition}`);
    await sleep(2);
  }
}

/** Keeps this thread busy: nothing is delivered meanwhile. */
export function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end) {}
}

import fc from 'fast-check';

/** How long a property is looked at: so many runs, and then again and again with new seeds until the time is over. */
export interface Budget {
  runs: number;
  ms: number;
  /** Of the random values; another one each time by default. */
  seed?: number;
}

/** Of each property in the long tests: ten minutes, or what AIOSQLITE_SOAK_MS says. */
export const LONG = { runs: 100, ms: Number(process.env.AIOSQLITE_SOAK_MS ?? 600_000) };

export const short = (runs: number): Budget => ({ runs, ms: 0 });

/** Checks a property, and prints how often. A failure names the seed and the smallest case that fast-check has found. */
export async function check<T>(
  name: string,
  property: fc.IAsyncProperty<T>,
  { runs, ms, seed }: Budget,
): Promise<void> {
  const began = performance.now();
  const passed = () => performance.now() - began;
  let total = 0;
  do {
    await fc.assert(property, { numRuns: runs, ...(seed !== undefined && { seed }) });
    total += runs;
  } while (passed() < ms);
  console.log(`${name}: ${total} random cases in ${(passed() / 1000).toFixed(1)} s, 0 failures`);
}

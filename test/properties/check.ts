import fc from 'fast-check';

/**
 * On a busy machine fewer cases are run in the time of one test; none is judged by its duration. Without these limits a
 * failure would be hidden by its own shrinking, and a case that hangs would not be named: the test would run out of time.
 */
const LIMITS = { interruptAfterTimeLimit: 90_000, timeout: 60_000 };

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
    const details = await fc.check(property, { ...LIMITS, numRuns: runs, ...(seed !== undefined && { seed }) });
    if (details.failed || details.numRuns === 0) {
      throw new Error(await fc.asyncDefaultReportMessage(details), { cause: details.errorInstance });
    }
    total += details.numRuns;
  } while (passed() < ms);
  console.log(`${name}: ${total} random cases in ${(passed() / 1000).toFixed(1)} s, 0 failures`);
}

import type { Pool } from 'aiosqlite';
import { rejection } from './rejection.js';
import { ENDLESS, until } from './time.js';

/** Keeps so many readers of a pool busy, until it is disposed of. */
export async function busyReaders(pool: Pool, count: number): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const reads = Array.from({ length: count }, () => rejection(pool.get(ENDLESS, [], { signal: stop.signal })));
  await until(() => pool.stats().size > count); // the writer, and readers that open only when all others are busy
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(reads);
    },
  };
}

import { expect } from 'vitest';
import { run } from '../support/child.js';

interface Load {
  turns: number;
  refusals: Record<string, number>;
  samples: { rss: number; heap: number; threads: number; files: number; disk: number }[];
}

const MB = 1e6;
/** Every way in which a call of the load can be refused; a load without refusals would not show that they leave nothing. */
const REFUSALS = [
  'AbortError',
  'ERR_FUNCTION',
  'ERR_POOL_TIMEOUT',
  'ERR_QUEUE_FULL',
  'ERR_TIMEOUT',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
  'SQLITE_ERROR',
];

/**
 * Runs the load for so long and throws if it holds more threads or files once it has warmed up, or more memory and disk
 * than this. Gives one line of figures.
 */
export async function expectFlat(file: string, seconds: number, growth?: { rssMb: number; heapMb: number }) {
  const script = new URL('children/load.mjs', import.meta.url);
  const end = await run(script, [file, seconds], ['--expose-gc', '--trace-warnings'], (seconds + 140) * 1_000);
  expect(end, end.stderr).toMatchObject({ code: 0, signal: null, stderr: '' });
  const { turns, refusals, samples }: Load = JSON.parse(end.stdout);
  expect(Object.keys(refusals).sort()).toEqual(REFUSALS);

  // A third is for warming up: code is compiled, caches are filled, the pool opens its readers.
  const warm = samples.slice(Math.floor(samples.length / 3));
  const parts = [warm.slice(0, Math.ceil(warm.length / 4)), warm.slice(-Math.ceil(warm.length / 4))] as const;
  const [early, late] = parts.map((part) => ({
    rss: average(part.map(({ rss }) => rss)),
    heap: average(part.map(({ heap }) => heap)),
    threads: Math.max(...part.map(({ threads }) => threads)),
    files: Math.max(...part.map(({ files }) => files)),
    disk: Math.max(...part.map(({ disk }) => disk)),
  })) as [Load['samples'][0], Load['samples'][0]];
  const figures = `${turns} turns in ${seconds} s: resident ${mb(early.rss)} → ${mb(late.rss)} MB, heap ${mb(early.heap)} → ${mb(late.heap)} MB, ${late.threads} threads, ${late.files} open files, ${mb(late.disk)} MB on disk`;
  expect(late.threads, figures).toBeLessThanOrEqual(early.threads);
  expect(late.files, figures).toBeLessThanOrEqual(early.files);
  if (growth) {
    expect(late.heap - early.heap, figures).toBeLessThan(growth.heapMb * MB);
    expect(late.rss - early.rss, figures).toBeLessThan(growth.rssMb * MB);
    expect(late.disk - early.disk, figures).toBeLessThan(2 * MB);
  }
  return figures;
}

const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const mb = (bytes: number) => (bytes / MB).toFixed(1);

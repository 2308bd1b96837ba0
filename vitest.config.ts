import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { entries } from './scripts/entries.mjs';

const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const soak = process.env.AIOSQLITE_SOAK === '1';

export default defineConfig({
  resolve: {
    // Tests import the package by its own name and get what was built, as a user would.
    alias: Object.entries(entries).map(([name, source]) => ({
      find: new RegExp(`^${name.replace('.', 'aiosqlite')}$`),
      replacement: path(`lib/${source}.mjs`),
    })),
  },
  test: {
    include: soak ? ['test/**/*.soak.ts'] : ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres-server.ts'],
    // A native addon with threads of its own: each test file gets a process of its own.
    pool: 'forks',
    // Most of them wait most of the time: for other processes, for locks, for timers.
    maxWorkers: availableParallelism() + 1,
    // Tests do not race the machine. A limit ends what hangs, on the busiest of machines.
    testTimeout: soak ? 1_200_000 : 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    retry: 0,
    // lib/ is loaded by Node itself, untransformed, so that tests and children see the same modules.
    server: { deps: { external: [/\/lib\/.*\.m?js$/] } },
  },
});

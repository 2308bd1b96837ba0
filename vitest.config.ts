import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const soak = process.env.AIOSQLITE_SOAK === '1';

export default defineConfig({
  resolve: {
    // Tests import the package by its own name and get what was built, as a user would.
    alias: [
      { find: /^aiosqlite$/, replacement: path('lib/index.js') },
      { find: /^aiosqlite\/store$/, replacement: path('lib/store/index.js') },
      { find: /^aiosqlite\/adk$/, replacement: path('lib/adk/index.js') },
      { find: /^aiosqlite\/kysely$/, replacement: path('lib/kysely/index.js') },
      { find: /^aiosqlite\/drizzle$/, replacement: path('lib/drizzle/index.js') },
    ],
  },
  test: {
    include: soak ? ['test/**/*.soak.ts'] : ['test/**/*.test.ts'],
    // A native addon with threads of its own: each test file gets a process of its own.
    pool: 'forks',
    testTimeout: soak ? 1_200_000 : 30_000,
    hookTimeout: 30_000,
    // Some tests hold the code to a time, and the machines of CI are shared: one that fails twice fails.
    retry: process.env.CI ? 1 : 0,
    teardownTimeout: 10_000,
    // lib/ is loaded by Node itself, untransformed, so that tests and children see the same modules.
    server: { deps: { external: [/\/lib\/.*\.c?js$/] } },
  },
});

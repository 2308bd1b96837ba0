import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { entries } from '../scripts/entries.mjs';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(fileURLToPath(new URL('../package.json', import.meta.url)), 'utf8'));
const names = Object.keys(entries).map((name) => name.replace('.', 'aiosqlite'));
const imported = (name: string) => import(/* @vite-ignore */ name);

test.each(names)('%s exports the same names to import and require()', async (name) => {
  const esModule = Object.keys(await imported(name));
  expect(esModule.length).toBeGreaterThan(0);
  expect(esModule).toEqual(Object.keys(require(name)).sort());
});

test.each(['aiosqlite', 'aiosqlite/store', 'aiosqlite/postgres'])(
  '%s has one set of classes for import and require()',
  async (name) => {
    const [esModule, commonJs] = [await imported(name), require(name)];
    for (const key of Object.keys(esModule)) expect(esModule[key]).toBe(commonJs[key]);
  },
);

test('an error of a connection from require() is an instance of the imported class', async () => {
  const { SqliteError } = await import('aiosqlite');
  const db = await require('aiosqlite').connect(':memory:');
  await expect(db.exec('nonsense')).rejects.toBeInstanceOf(SqliteError);
  await db.close();
});

describe('the session service extends the class of the ADK that its user loads', () => {
  test('by import', async () => {
    const { BaseSessionService } = await import('@google/adk');
    const { SqliteSessionService } = await import('aiosqlite/adk');
    expect(SqliteSessionService.prototype).toBeInstanceOf(BaseSessionService);
  });

  test('by require()', () => {
    const { BaseSessionService } = require('@google/adk');
    expect(require('aiosqlite/adk').SqliteSessionService.prototype).toBeInstanceOf(BaseSessionService);
  });
});

test('both session services accept a pool and a store of either world', async () => {
  const { createPool } = await import('aiosqlite');
  const { SessionStore } = require('aiosqlite/store');
  await using pool = createPool({ database: ':memory:' });
  const key = { appName: 'app', userId: 'u', sessionId: 's' };
  for (const { SqliteSessionService } of [await import('aiosqlite/adk'), require('aiosqlite/adk')]) {
    const service = new SqliteSessionService(new SessionStore(pool));
    await service.getOrCreateSession(key);
    expect((await service.getSession(key))?.id).toBe('s');
  }
});

test('TypeScript finds the types of each entry point without reading exports', () => {
  const paths = Object.entries(entries).filter(([name]) => name !== '.');
  expect(manifest.types).toBe(`./lib/${entries['.']}.d.ts`);
  expect(manifest.typesVersions['*']).toEqual(
    Object.fromEntries(paths.map(([name, path]) => [name.slice(2), [`./lib/${path}.d.ts`]])),
  );
});

test('aiosqlite/postgres loads no addon, which its users may not have', () => {
  const code = `require('aiosqlite/postgres'); console.log(process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node')).length)`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toBe('0\n');
});

describe('an entry point loads no library that it does not serve', () => {
  const peers = Object.keys(manifest.peerDependencies);
  /** Entry points by the peers that they may load. `aiosqlite/adk` and `/web` are for users of ADK. */
  const served: Record<string, string[]> = {
    'aiosqlite/adk': ['@google/adk'],
    'aiosqlite/web': ['@google/adk'],
    'aiosqlite/kysely': ['kysely'],
    'aiosqlite/drizzle': ['drizzle-orm'],
    'aiosqlite/langgraph': ['@langchain/core', '@langchain/langgraph-checkpoint'],
    'aiosqlite/openai-agents': ['@openai/agents-core'],
    'aiosqlite/prisma': ['@prisma/driver-adapter-utils'],
  };

  test.each(names)('%s', (name) => {
    const code = `require('${name}'); console.log(JSON.stringify(Object.keys(require.cache)))`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' });
    expect(stderr).toBe('');
    const files: string[] = JSON.parse(stdout).map((file: string) => file.replaceAll('\\', '/'));
    const loaded = peers.filter((peer) => files.some((file) => file.includes(`/node_modules/${peer}/`)));
    expect(loaded.filter((peer) => !served[name]?.includes(peer))).toEqual([]);
    const adapters = files.filter((file) =>
      /\/lib\/(langgraph|kysely|drizzle|sqlite3|openai-agents|claude-agent|prisma)\//.test(file),
    );
    expect(adapters.filter((file) => !file.includes(`/lib/${name.slice('aiosqlite/'.length)}/`))).toEqual([]);
  });
});

describe('a saver of LangGraph extends the class of the package that its user loads', () => {
  test('by import', async () => {
    const { BaseCheckpointSaver, BaseStore } = await import('@langchain/langgraph-checkpoint');
    const { SqliteSaver, SqliteStore } = await import('aiosqlite/langgraph');
    expect(SqliteSaver.prototype).toBeInstanceOf(BaseCheckpointSaver);
    expect(SqliteStore.prototype).toBeInstanceOf(BaseStore);
  });

  test('by require(), and works', async () => {
    const { BaseCheckpointSaver } = require('@langchain/langgraph-checkpoint');
    const { SqliteSaver } = require('aiosqlite/langgraph');
    expect(SqliteSaver.prototype).toBeInstanceOf(BaseCheckpointSaver);
    await using saver = new SqliteSaver(':memory:');
    expect(await saver.getTuple({ configurable: { thread_id: 't' } })).toBeUndefined();
  });
});

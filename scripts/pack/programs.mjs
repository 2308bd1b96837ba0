/** What users would write against the installed package, each in a way of its own to load it. */

const verbs = `
  const db = await connect(':memory:');
  await db.exec('CREATE TABLE t (x)');
  await db.run('INSERT INTO t VALUES (?)', [1]);
  console.log((await db.get('SELECT x FROM t')).x === 1 ? 'ok' : 'wrong');
  await db.close();`;

const typed = `
import { connect, createPool, type QueryResult, type SqlValue } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import { drizzle } from 'aiosqlite/drizzle';
import { SqliteSessionService } from 'aiosqlite/adk';
import { type AdkServer, serveAdk } from 'aiosqlite/web';

export async function program() {
  const db = await connect(':memory:');
  const row: { x: number } | undefined = await db.get<{ x: number }>('SELECT 1 AS x');
  const result: QueryResult = await db.query('SELECT 1');
  const value: SqlValue = row?.x ?? null;
  // @ts-expect-error: no such verb. If types were missing, everything would be any, and this line no error.
  db.nothing();
  const pool = createPool({ database: ':memory:' });
  const store: SessionStore = new SessionStore(pool);
  const service: SqliteSessionService = new SqliteSessionService(store);
  const serve = (): Promise<AdkServer> => serveAdk({ agentsDir: 'agents', services: { sessionService: service } });
  console.log(result, value, service, serve, AiosqliteDialect, drizzle);
}
`;

/** The same program, as an ES module and as what becomes CommonJS. */
const types = { esModule: `${typed}\nawait program();\n`, commonJs: `${typed}\nvoid program();\n` };

const compilerOptions = {
  strict: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  skipLibCheck: true,
  types: ['node'],
};

/** Settings of TypeScript that find the types of a package, each in its own way. */
export const typeChecks = {
  nodenext: { files: ['program.mts', 'program.cts'], options: { module: 'nodenext' } },
  node16: { files: ['program.mts', 'program.cts'], options: { module: 'node16' } },
  bundler: { files: ['program.ts'], options: { module: 'esnext', moduleResolution: 'bundler' } },
  commonjs: { files: ['program.cts'], options: { module: 'commonjs', moduleResolution: 'bundler' } },
  node10: {
    files: ['program.cts'],
    options: { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
  },
};

/** @type {Record<string, string>} file → content */
export const files = {
  'esm.mjs': `import { connect } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
if (typeof SessionStore !== 'function') throw new Error('no SessionStore');${verbs}`,

  'cjs.cjs': `const { connect } = require('aiosqlite');
const { SessionStore } = require('aiosqlite/store');
if (typeof SessionStore !== 'function') throw new Error('no SessionStore');
(async () => {${verbs}})();`,

  'worker.mjs': `import { isMainThread, Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { connect } from 'aiosqlite';
if (isMainThread) new Worker(fileURLToPath(import.meta.url)).on('exit', (code) => { process.exitCode = code; });
else {${verbs}}`,

  'adk.mjs': `import { BaseLlm, LlmAgent, Runner } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';

class Echo extends BaseLlm {
  async *generateContentAsync({ contents }) {
    yield { content: { role: 'model', parts: [{ text: 'you said ' + contents.at(-1).parts[0].text }] } };
  }
}
const sessionService = new SqliteSessionService(':memory:');
const agent = new LlmAgent({ name: 'echo', model: new Echo({ model: 'echo' }), outputKey: 'answer' });
const runner = new Runner({ appName: 'app', agent, sessionService });
const key = { appName: 'app', userId: 'u', sessionId: 's' };
await sessionService.createSession(key);
for await (const _ of runner.runAsync({ ...key, newMessage: { role: 'user', parts: [{ text: 'hi' }] } }));
const session = await sessionService.getSession(key);
console.log(session.events.length === 2 && session.state.answer === 'you said hi' ? 'ok' : 'wrong');
await sessionService.close();`,

  'adk.cjs': `const { Runner } = require('@google/adk');
const { SqliteSessionService } = require('aiosqlite/adk');
(async () => {
  const service = new SqliteSessionService(':memory:');
  await service.createSession({ appName: 'app', userId: 'u', sessionId: 's' });
  console.log(typeof Runner === 'function' && (await service.listSessions({ appName: 'app', userId: 'u' })).sessions.length === 1 ? 'ok' : 'wrong');
  await service.close();
})();`,

  'types/program.mts': types.esModule,
  'types/program.ts': types.esModule,
  'types/program.cts': types.commonJs,
  'types/package.json': '{ "type": "module" }',
  ...Object.fromEntries(
    Object.entries(typeChecks).map(([name, { files, options }]) => [
      `types/${name}.json`,
      JSON.stringify({ compilerOptions: { ...compilerOptions, ...options }, files }),
    ]),
  ),
};

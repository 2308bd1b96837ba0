#!/usr/bin/env node
/**
 * Writes the table "Tests by subject" of RELIABILITY.md: each folder of tests, with its files. `--check` compares only, and
 * `npm run docs` writes it. Files of a folder that has no subject here are in the row of the folder above.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { root } from './pages.mjs';

/** @type {Record<string, string>} */
const SUBJECTS = {
  test: 'Errors, options, entry points, documents, benchmarks',
  'test/connection': 'Opening, verbs, transactions, options of a connection',
  'test/connection/features':
    'Streams, cancellation, functions, backups, blobs, changes, limits and all else of a connection',
  'test/pool': 'Routing, leases, shared commits, long WALs',
  'test/wire': 'Calls, queue, deadlines, rows between the threads',
  'test/wire/addon': 'Finding and loading the addon, several copies of the package',
  'test/codec': 'JSON, times, texts',
  'test/engine': 'The C++ side: queue, worker, group commit, faults, power cuts',
  'test/store': 'Sessions, events, state, retention',
  'test/store/sqlite': 'SQL of the store',
  'test/store/history': 'Rewind, fork, state at a point of the history',
  'test/store/postgres': 'The store on PostgreSQL',
  'test/store/memory': 'Memory: words, ranking, vectors',
  'test/store/artifacts': 'Artifacts: versions, streams',
  'test/adk': "ADK's services",
  'test/conformance': "ADK's services beside ADK's own, case by case",
  'test/web': "ADK's web UI and API on these services",
  'test/openai-agents': 'Sessions of the OpenAI Agents SDK, beside its own',
  'test/claude-agent': 'Transcripts of the Claude Agent SDK, with its own functions',
  'test/sqlite3': "node-sqlite3's API, Knex, TypeORM, Sequelize",
  'test/langgraph': "LangGraph's checkpointer and store",
  'test/kysely': 'Kysely',
  'test/drizzle': 'Drizzle',
  'test/prisma': 'Prisma, with a generated client',
  'test/cli': 'Commands',
  'test/compat': 'Behaviour that users of other drivers rely on',
  'test/properties': 'Random values, statements, histories, interleavings, damage',
  'test/processes': 'Several processes on one file',
  'test/lifecycle': 'Ends of processes and threads, kills',
  'test/resources': 'Memory, threads, open files, disk',
  'test/security': 'Hostile input, secrets, supply chain',
  'test/examples': 'Programs of README, documents and examples',
};

const isTest = (/** @type {string} */ name) => /\.(test|soak)\.ts$|_test\.cc$/.test(name);
/** The row of a folder: its own, or that of the nearest folder above it. @returns {string} */
const rowOf = (/** @type {string} */ folder) => (SUBJECTS[folder] ? folder : rowOf(dirname(folder)));
/** @type {Map<string, string[]>} */
const folders = new Map();
for (const name of readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).sort()) {
  if (!isTest(name)) continue;
  const file = join('test', name).replaceAll('\\', '/');
  const row = rowOf(dirname(file));
  folders.set(row, [...(folders.get(row) ?? []), file]);
}

const nameOf = (/** @type {string} */ file) => basename(file).replace(/\.test\.ts$|\.ts$|_test\.cc$/, '');
const rows = Object.entries(SUBJECTS)
  .filter(([folder]) => folders.has(folder))
  .map(([folder, subject]) => {
    const links = (folders.get(folder) ?? []).map((file) => `[${nameOf(file)}](${file})`);
    return `| ${subject} | ${links.join(', ')} |`;
  });
const table = ['| subject | files |', '|---|---|', ...rows].join('\n');

const page = join(root, 'RELIABILITY.md');
const text = readFileSync(page, 'utf8');
const current = text.replace(/(?<=^## Tests by subject\n\n[\s\S]*?)^\| subject[\s\S]*?(?=\n\n)/m, () => table);
if (!process.argv.includes('--check')) writeFileSync(page, current);
else if (current !== text) {
  console.error('RELIABILITY.md does not list the tests as they are: run node scripts/docs/tested.mjs');
  process.exitCode = 1;
}

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { importOurs, ourFile } from '../drivers/shared/package.mjs';

const cwd = fileURLToPath(new URL('../', import.meta.url));
const SELECT = "'SELECT name FROM person'";

/** The shortest program that imports, opens the file and reads a row. */
const PROGRAMS = {
  aiosqlite: `import { connect } from '${ourFile('lib/index.js')}'; const db = await connect(file); await db.get(${SELECT});`,
  'aiosqlite-pool': `import { createPool } from '${ourFile('lib/index.js')}';
    const db = createPool({ database: file }); await db.get(${SELECT});`,
  'better-sqlite3': `import Database from 'better-sqlite3'; new Database(file).prepare(${SELECT}).get();`,
  sqlite3: `import sqlite3 from 'sqlite3'; const db = new sqlite3.Database(file);
    await new Promise((done) => db.get(${SELECT}, done));`,
  'appthreat-sqlite3': `import sqlite3 from '@appthreat/sqlite3'; const db = new sqlite3.Database(file);
    await new Promise((done) => db.get(${SELECT}, done));`,
  libsql: `import Database from 'libsql/promise'; const db = new Database(file); (await db.prepare(${SELECT})).get();`,
  'node-sqlite': `import { DatabaseSync } from 'node:sqlite'; new DatabaseSync(file).prepare(${SELECT}).get();`,
  'photostructure-pool': `import { DatabasePool } from '@photostructure/sqlite/experimental';
    const db = await DatabasePool.open(file); await db.get(${SELECT});`,
  'sql-js': `import { readFileSync } from 'node:fs'; import initSqlJs from 'sql.js';
    const { Database } = await initSqlJs(); new Database(readFileSync(file)).exec(${SELECT});`,
  'node-sqlite3-wasm': `import wasm from 'node-sqlite3-wasm'; new wasm.Database(file).get(${SELECT});`,
};

export default [
  {
    name: 'startup',
    title: 'process start to first row: import, open, query',
    unit: 'start',
    baseline: 'better-sqlite3',
    drivers: Object.keys(PROGRAMS),
    quick: ['aiosqlite', 'better-sqlite3'],
    fixed: 1,
    rounds: 15,
    async template(file) {
      const { connect } = await importOurs('index');
      const db = await connect(file);
      await db.exec("CREATE TABLE person (name TEXT); INSERT INTO person VALUES ('Ada')");
      await db.close();
    },
    async open({ driver, file }) {
      return {
        program: `const file = ${JSON.stringify(file)}; ${PROGRAMS[driver]} console.log(performance.now()); process.exit();`,
      };
    },
    async round({ program }) {
      const run = promisify(execFile);
      const args = ['--no-warnings', '--input-type=module', '--eval', program];
      const { stdout } = await run(process.execPath, args, { cwd, env: { ...process.env, NODE_OPTIONS: '' } });
      return { firstRowMs: Number(stdout) };
    },
  },
];

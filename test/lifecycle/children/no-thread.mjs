// No thread is to be had any more: what is open goes on, what would be opened is refused. no-thread.mjs FILE
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { connect, createPool } from 'aiosqlite';

const [, , file = ''] = process.argv;
const pool = createPool({ database: file });
await pool.run('CREATE TABLE t (x)');
const open = await connect(file);
await open.all('SELECT x FROM t');
// For root there is no such limit, so it becomes somebody else. What is loaded later must be loaded by now.
execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=0']);
if (process.getuid?.() === 0) process.setuid?.(65_534);

const codeOf = (/** @type {Promise<unknown>} */ call) =>
  call.then(
    () => 'ok',
    ({ name, code }) => `${name} ${code}`,
  );
const refused = createPool({ database: file });
console.log(await codeOf(connect(file)));
console.log(await codeOf(refused.get('SELECT 1')), await codeOf(refused.run('INSERT INTO t VALUES (1)')));
console.log(await codeOf(pool.run('INSERT INTO t VALUES (2)')), await codeOf(pool.all('SELECT x FROM t')));
console.log(await codeOf(open.all('SELECT x FROM t')));
for (const one of [refused, pool, open]) await one.close();

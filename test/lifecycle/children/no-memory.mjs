// There is memory for what SQLite makes of a row, and none to hand it on. no-memory.mjs FILE
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { connect } from 'aiosqlite';

const [, , file = ''] = process.argv;
const db = await connect(file);
await db.exec('CREATE TABLE t (x)');
await db.get('SELECT count(*) AS n FROM t');
const kilobytes = Number(/VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
execFileSync('prlimit', ['--pid', String(process.pid), `--as=${kilobytes * 1024 + 300e6}`]);

const codeOf = (/** @type {Promise<unknown>} */ call) =>
  call.then(
    () => 'ok',
    ({ code }) => code,
  );
console.log(await codeOf(db.all('SELECT zeroblob(200000000) AS x')));
console.log(await codeOf(db.iterate('SELECT zeroblob(200000000) AS x').next()));
console.log(await codeOf(db.all('INSERT INTO t VALUES (1) RETURNING zeroblob(200000000) AS x')));
console.log(`${(await db.get('SELECT count(*) AS n FROM t'))?.n} rows`);
await db.close();

// One database in memory, shared by several connections of this process. `node examples/shared-memory-uri.mjs`
import { connect, createPool } from 'aiosqlite';

// Plain ':memory:' is private to its connection. A name in the memdb VFS is not; the leading slash is what shares it.
const uri = 'file:/example?vfs=memdb';
const writer = await connect(uri);
const reader = await connect(uri);
await writer.exec(`CREATE TABLE t (x); INSERT INTO t VALUES ('seen by both')`);
console.log('memdb:', await reader.get('SELECT x FROM t'));

// It lives as long as one connection to it is open.
await Promise.all([writer.close(), reader.close()]);
const late = await connect(uri);
console.log('after both have closed:', await late.all('SELECT name FROM sqlite_schema'));
await late.close();

// The older way, shared cache, works too. SQLite discourages it: its connections lock each other out table by table, so
// that a reader can get SQLITE_LOCKED_SHAREDCACHE where a file in WAL mode or memdb would let it read.
const a = await connect('file::memory:?cache=shared');
const b = await connect('file::memory:?cache=shared');
await a.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
console.log('shared cache:', await b.get('SELECT x FROM t'));
await Promise.all([a.close(), b.close()]);

// Neither has a WAL, without which readers can't read while one writes: a pool over such a URI is one connection.
const pool = createPool({ database: uri, poolSize: 5 });
await pool.exec('CREATE TABLE t (x)');
await Promise.all(Array.from({ length: 20 }, () => pool.all('SELECT * FROM t')));
console.log('connections of the pool:', pool.stats().size);
await pool.close();

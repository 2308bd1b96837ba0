// Saves so many versions of one artifact, all at once, and prints the numbers that they were given.
import { createPool } from 'aiosqlite';
import { ArtifactStore } from 'aiosqlite/store';

const [name = '', database = '', count] = process.argv.slice(2);
const pool = createPool({ database, busyTimeoutMs: 30_000 });
const store = new ArtifactStore(pool);
await store.createTables();
const key = { appName: 'app', userId: 'ada', sessionId: 's1', name: 'report' };
const saves = Array.from({ length: Number(count) }, (_, at) => store.save(key, { text: `${name} ${at}` }));
const infos = await Promise.all(saves);
await pool.close();
console.log(JSON.stringify(infos.map(({ version }, at) => [version, `${name} ${at}`])));

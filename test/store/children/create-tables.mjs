// Makes the tables in a file, while others do the same, and uses them at once.
import { createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';

const [, , database = ''] = process.argv;
const pool = createPool({ database });
const stores = Array.from({ length: 5 }, () => new SessionStore(pool));
await Promise.all(stores.map((store) => store.createTables()));
await stores[0]?.createSession({ appName: 'app', userId: 'ada' });
await pool.close();
console.log('done');

export { type AiosqliteDatabase, type AiosqliteTransaction, type Client, drizzle } from './database.js';
export { migrate } from './migrate.js';

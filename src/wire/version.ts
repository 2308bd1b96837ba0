import { native } from './native.js';

/** The version of SQLite that is linked in. */
export const sqliteVersion: string = native().sqliteVersion;

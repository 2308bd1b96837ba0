import { native } from './native.js';

/** The version of SQLite that is linked in. */
export const sqliteVersion: string = native().sqliteVersion;

/** Date, time and hash of the sources of that SQLite (sqlite.org/c3ref/c_source_id.html). */
export const sqliteSourceId: string = native().sqliteSourceId;

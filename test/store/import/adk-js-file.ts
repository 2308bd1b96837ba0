import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DatabaseSessionService } from '@google/adk';
import { SqliteDriver } from '@mikro-orm/sqlite';
import sqlite3 from 'aiosqlite/sqlite3';

const require = createRequire(import.meta.url);
const KnexSqlite3 = require('knex/lib/dialects/sqlite3');

/** The sqlite3 package has no binding here: the same API of this package is in its place. */
class Client extends KnexSqlite3 {
  _driver() {
    return sqlite3;
  }
}

/** Makes a file with ADK's own DatabaseSessionService over MikroORM, in a folder of its own. */
export async function makeAdkFile(
  folder: string,
  work: (service: DatabaseSessionService) => Promise<void>,
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const filename = join(folder, 'adk.db');
  const service = new DatabaseSessionService({
    driver: SqliteDriver,
    dbName: filename,
    driverOptions: { client: Client, connection: { filename }, useNullAsDefault: true },
  } as never);
  await service.init();
  await work(service);
  await (service as unknown as { orm: { close(): Promise<void> } }).orm.close();
  return filename;
}

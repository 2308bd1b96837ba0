// Migrates the database that it is given, with the migrations of a folder.
import { drizzle, migrate } from 'aiosqlite/drizzle';

const [database = '', migrationsFolder = ''] = process.argv.slice(2);
const db = drizzle(database);
await migrate(db, { migrationsFolder });
await db.$client.close();

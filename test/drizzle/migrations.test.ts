import { writeFileSync } from 'node:fs';
import { drizzle, migrate } from 'aiosqlite/drizzle';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { posts, sourceNames, sources, users, writeMigrations } from './fixtures.js';

const on = databases();

const FIRST = `CREATE TABLE \`users\` (
	\`id\` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	\`name\` text NOT NULL,
	\`verified\` integer DEFAULT 0 NOT NULL,
	\`invited_by\` integer
);
--> statement-breakpoint
CREATE TABLE \`posts\` (
	\`id\` integer PRIMARY KEY NOT NULL,
	\`title\` text NOT NULL,
	\`author_id\` integer NOT NULL,
	FOREIGN KEY (\`author_id\`) REFERENCES \`users\`(\`id\`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX \`posts_title\` ON \`posts\` (\`title\`);`;

/** As drizzle-kit rebuilds a table: posts refer to the one that is dropped. */
const REBUILD = `PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE \`__new_users\` (
	\`id\` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	\`name\` text DEFAULT 'nobody' NOT NULL,
	\`verified\` integer DEFAULT 0 NOT NULL,
	\`invited_by\` integer
);
--> statement-breakpoint
INSERT INTO \`__new_users\`("id", "name", "verified", "invited_by") SELECT "id", "name", "verified", "invited_by" FROM \`users\`;--> statement-breakpoint
DROP TABLE \`users\`;--> statement-breakpoint
ALTER TABLE \`__new_users\` RENAME TO \`users\`;--> statement-breakpoint
PRAGMA foreign_keys=ON;`;

describe.each(sourceNames)('migrate() of Drizzle over %s', (name) => {
  test('runs what has not been run', async () => {
    const db = drizzle(await sources[name](on));
    const folder = on.file('migrations');
    await migrate(db, writeMigrations(folder, { '0000_first': FIRST }));
    await db.insert(users).values({ name: 'Ada' });
    await migrate(db, { migrationsFolder: folder });
    await migrate(
      db,
      writeMigrations(folder, { '0000_first': FIRST, '0001_more': 'ALTER TABLE `users` ADD `age` integer;' }),
    );
    expect(await db.all(sql`select name, age from users`)).toEqual([{ name: 'Ada', age: null }]);
    expect(await db.all(sql`select created_at, length(hash) as hash from __drizzle_migrations`)).toEqual([
      { created_at: 1_700_000_000_000, hash: 64 },
      { created_at: 1_700_000_000_001, hash: 64 },
    ]);
  });

  test('is all or nothing', async () => {
    const db = drizzle(await sources[name](on));
    const folder = writeMigrations(on.file('migrations'), { '0000_first': FIRST, '0001_wrong': 'CREATE TABL x;' });
    expect(await rejection(migrate(db, folder))).toMatchObject({ code: 'SQLITE_ERROR' });
    expect(await db.all(sql`select name from sqlite_schema where name in ('users', 'posts')`)).toEqual([]);
    await migrate(db, writeMigrations(folder.migrationsFolder, { '0000_first': FIRST }));
    expect(await db.$count(users)).toBe(0);
  });

  test('takes a table of another name, and files without breakpoints', async () => {
    const db = drizzle(await sources[name](on));
    const folder = writeMigrations(on.file('migrations'), {
      '0000_first': FIRST.replaceAll('--> statement-breakpoint', ''),
    });
    await migrate(db, { ...folder, migrationsTable: 'my "migrations"' });
    expect(await db.get(sql`select count(*) as n from ${sql.identifier('my "migrations"')}`)).toEqual({ n: 1 });
  });

  test('rebuilds a table without losing what refers to it', async () => {
    const source = await sources[name](on);
    const db = drizzle(source);
    const folder = on.file('migrations');
    await migrate(db, writeMigrations(folder, { '0000_first': FIRST }));
    await db.insert(users).values({ id: 1, name: 'Ada' });
    await db.insert(posts).values({ id: 1, title: 'Notes', authorId: 1 });
    await migrate(db, writeMigrations(folder, { '0000_first': FIRST, '0001_rebuild': REBUILD }));
    expect(await db.select().from(posts)).toEqual([{ id: 1, title: 'Notes', authorId: 1 }]);
    expect(await db.get(sql`select "dflt_value" as value from pragma_table_info('users') where name = 'name'`)).toEqual(
      {
        value: "'nobody'",
      },
    );
    expect(await db.get(sql`pragma foreign_keys`)).toEqual({ foreign_keys: 1 });
  });

  test('takes a migration without breakpoints, too', async () => {
    const db = drizzle(await sources[name](on));
    const folder = on.file('migrations');
    const scripts = [FIRST, REBUILD].map((script) => script.replaceAll('--> statement-breakpoint', ''));
    await migrate(db, writeMigrations(folder, { '0000_first': scripts[0] as string }));
    await db.insert(users).values({ id: 1, name: 'Ada' });
    await db.insert(posts).values({ id: 1, title: 'Notes', authorId: 1 });
    const all = writeMigrations(folder, { '0000_first': scripts[0] as string, '0001_rebuild': scripts[1] as string });
    await migrate(db, all);
    expect(await db.$count(posts)).toBe(1);
    expect(await db.get(sql`pragma foreign_keys`)).toEqual({ foreign_keys: 1 });
  });

  test('refuses one that leaves orphans, and changes nothing', async () => {
    const source = await sources[name](on);
    const db = drizzle(source);
    const folder = on.file('migrations');
    await migrate(db, writeMigrations(folder, { '0000_first': FIRST }));
    await db.insert(users).values({ id: 1, name: 'Ada' });
    await db.insert(posts).values({ id: 1, title: 'Notes', authorId: 1 });
    const forgetful = 'PRAGMA foreign_keys=OFF;--> statement-breakpoint\nDELETE FROM `users`;';
    const wrong = migrate(db, writeMigrations(folder, { '0000_first': FIRST, '0001_forgetful': forgetful }));
    expect(await rejection(wrong)).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' });
    expect(await db.$count(users)).toBe(1);
    expect(await db.get(sql`pragma foreign_keys`)).toEqual({ foreign_keys: 1 });
  });
});

describe('migrate() of Drizzle', () => {
  test('leaves foreign keys off where they were', async () => {
    const pool = on.pool({ foreignKeys: false });
    await migrate(
      drizzle(pool),
      writeMigrations(on.file('migrations'), { '0000_first': FIRST, '0001_rebuild': REBUILD }),
    );
    expect(await pool.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 0 });
  });

  test('lets nobody in between on a connection that others use', async () => {
    const connection = await on.connect();
    const db = drizzle(connection);
    const folder = on.file('migrations');
    await migrate(db, writeMigrations(folder, { '0000_first': FIRST }));
    await db.insert(users).values({ id: 1, name: 'Ada' });
    let done = false;
    const migrating = migrate(db, writeMigrations(folder, { '0000_first': FIRST, '0001_rebuild': REBUILD })).then(
      () => {
        done = true;
      },
    );
    const seen = new Set<unknown>();
    while (!done) seen.add((await connection.get<{ foreign_keys: number }>('PRAGMA foreign_keys'))?.foreign_keys);
    await migrating;
    expect([...seen]).toEqual([1]);
  });

  test('runs inside an open transaction, but for what can not', async () => {
    const pool = on.pool();
    const folder = on.file('migrations');
    const first = writeMigrations(folder, { '0000_first': FIRST });
    await pool.transaction((tx) => migrate(drizzle(tx), first));
    const both = writeMigrations(folder, { '0000_first': FIRST, '0001_rebuild': REBUILD });
    const inside = pool.transaction((tx) => migrate(drizzle(tx), both));
    expect(await rejection(inside)).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
    await migrate(drizzle(pool), both);
  });

  test('runs each migration once, however many processes start', async () => {
    const { migrationsFolder } = writeMigrations(on.file('migrations'), {
      '0000_first': FIRST,
      '0001_rebuild': REBUILD,
    });
    const script = new URL('migrate.mjs', import.meta.url);
    const ended = await Promise.all(Array.from({ length: 4 }, () => run(script, [on.file(), migrationsFolder])));
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(Array(4).fill([0, '']));
    const db = drizzle(on.pool());
    expect(await db.get(sql`select count(*) as n from __drizzle_migrations`)).toEqual({ n: 2 });
  });

  test('tells that a folder is none', async () => {
    writeFileSync(on.file('empty'), '');
    const db = drizzle(on.pool());
    expect(String(await rejection(migrate(db, { migrationsFolder: on.file('nowhere') })))).toMatch(/_journal\.json/);
  });
});

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type MigrationStep, migrate } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const CREATE = 'CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT)';
const ADD = 'ALTER TABLE user ADD COLUMN email TEXT; CREATE INDEX user_email ON user (email)';
const columns = async (db: { all: ReturnType<typeof on.pool>['all'] }) =>
  (await db.all<[string]>("SELECT name FROM pragma_table_info('user')", [], { rowMode: 'array' })).flat();

describe.each(['a pool', 'a connection', 'a pool in memory', 'a connection with integerMode bigint'])(
  'migrate() of %s',
  (name) => {
    const open = async () => {
      if (name === 'a pool') return on.pool();
      if (name === 'a pool in memory') return on.pool({ database: ':memory:' });
      return on.connect(name.includes('bigint') ? { integerMode: 'bigint' } : {});
    };

    test('runs the steps that the file lacks, and no step twice', async () => {
      const db = await open();
      expect(await migrate(db, [CREATE])).toEqual({ from: 0, to: 1 });
      await db.run("INSERT INTO user (name) VALUES ('Ada')");
      const fill: MigrationStep = async (tx) => {
        await tx.run("UPDATE user SET email = lower(name) || '@example.org'");
      };
      expect(await migrate(db, [CREATE, ADD, fill])).toEqual({ from: 1, to: 3 });
      expect(await migrate(db, [CREATE, ADD, fill])).toEqual({ from: 3, to: 3 });
      expect(await columns(db)).toEqual(['id', 'name', 'email']);
      expect(await db.get('SELECT email FROM user')).toEqual({ email: 'ada@example.org' });
    });

    test('refuses a file that a newer program has migrated, and leaves it as it is', async () => {
      const db = await open();
      await migrate(db, [CREATE, ADD]);
      const error = await rejection(migrate(db, [CREATE]));
      expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_MIGRATION' });
      expect(await migrate(db, [CREATE, ADD])).toEqual({ from: 2, to: 2 });
    });

    test('undoes a step that fails, keeps those before it, and goes on from there', async () => {
      const db = await open();
      const broken = 'CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)';
      expect(await rejection(migrate(db, [CREATE, broken]))).toMatchObject({ code: 'SQLITE_ERROR' });
      expect(await db.get("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'half'")).not.toMatchObject({ n: 1 });
      const failing = () => Promise.reject(new Error('no'));
      expect(await rejection(migrate(db, [CREATE, failing]))).toMatchObject({ message: 'no' });
      expect(await migrate(db, [CREATE, ADD])).toEqual({ from: 1, to: 2 });
    });
  },
);

test('a step can not end its transaction', async () => {
  const db = on.pool();
  expect(await rejection(migrate(db, [`${CREATE}; COMMIT`]))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
  expect(await columns(db)).toEqual([]);
});

test('several migrations at once, and several processes, run each step once', async () => {
  const program = fileURLToPath(new URL('./children/migrate.mjs', import.meta.url));
  const runs = Array.from({ length: 3 }, () => promisify(execFile)(process.execPath, [program, on.file()]));
  const ran = (await Promise.all(runs)).map(({ stdout }) => Number(stdout));
  expect(ran.reduce((sum, one) => sum + one)).toBe(20);
  const db = on.pool();
  const numbers = await db.all('SELECT number FROM step ORDER BY rowid', [], { rowMode: 'array' });
  expect(numbers.flat()).toEqual(Array.from({ length: 20 }, (_, i) => i + 2));

  const steps = [...Array.from({ length: 21 }, () => 'SELECT 1'), CREATE];
  const results = await Promise.all([migrate(db, steps), migrate(db, steps)]);
  expect(results).toEqual(Array(2).fill({ from: 21, to: 22 }));
});

test.each<[unknown, unknown, string]>([
  ['a.db', [], 'db must be'],
  [undefined, [], 'db must be'],
  [':pool:', 'CREATE', 'steps must be an array'],
  [':pool:', [CREATE, 1], 'steps[1] must be'],
  [':pool:', new Array(1), 'steps[0] must be'],
])('migrate(%j, %j) is refused', async (db, steps, message) => {
  const source = db === ':pool:' ? on.pool() : db;
  expect(await rejection(migrate(source as never, steps as never))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
    message: expect.stringContaining(message),
  });
});

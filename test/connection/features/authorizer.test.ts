import type { AuthorizerRule, Connection } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { collect } from './support/rows.js';

const on = databases();

async function accounts(): Promise<Connection> {
  const db = await on.connect({}, ':memory:');
  await db.exec(`
    CREATE TABLE account (id INTEGER PRIMARY KEY, name, secret);
    CREATE TABLE log (x, account);
    CREATE INDEX by_name ON account (name);
    INSERT INTO account VALUES (1, 'ada', 's'); INSERT INTO log VALUES (1, 1)`);
  return db;
}

/** Whether each statement is denied with SQLITE_AUTH; any other failure is one of the test. */
async function denied(db: Connection, texts: string[]): Promise<boolean[]> {
  const outcomes: boolean[] = [];
  for (const text of texts) {
    await db.exec('SAVEPOINT trial').catch(() => {});
    const code = await db.all(text).then(
      () => undefined,
      (error) => {
        if (error.name === 'SqliteError' && error.code === 'SQLITE_AUTH' && error.errcode === 23) return 'SQLITE_AUTH';
        throw error;
      },
    );
    await db.exec('ROLLBACK TO trial; RELEASE trial').catch(() => {});
    outcomes.push(code === 'SQLITE_AUTH');
  }
  return outcomes;
}

/** A rule that denies one thing: what it hits, and what it leaves alone. */
const DENIES: [string, AuthorizerRule, string[], string[]][] = [
  [
    'delete of a table',
    { action: 'delete', table: 'account' },
    ['DELETE FROM account', 'delete from ACCOUNT where id = 1', 'REPLACE INTO log VALUES (1, 1); '].slice(0, 2),
    ['DELETE FROM log', 'SELECT * FROM account'],
  ],
  ['delete at all', { action: 'delete' }, ['DELETE FROM account', 'DELETE FROM log'], ['UPDATE log SET x = 2']],
  [
    'insert',
    { action: 'insert', table: 'log' },
    ['INSERT INTO log VALUES (2, 2)'],
    ["INSERT INTO account VALUES (2, 'b', 'c')"],
  ],
  [
    'update of a column',
    { action: 'update', table: 'account', column: 'secret' },
    ["UPDATE account SET secret = 'x'", "UPDATE account SET name = 'n', secret = 'x'"],
    ["UPDATE account SET name = 'n'"],
  ],
  [
    'update of a table',
    { action: 'update', table: 'account' },
    ["UPDATE account SET name = 'n'"],
    ['UPDATE log SET account = 2'],
  ],
  [
    'read of a column',
    { action: 'read', table: 'account', column: 'secret' },
    [
      'SELECT secret FROM account',
      'SELECT * FROM account',
      'SELECT 1 FROM account WHERE secret = 1',
      'UPDATE account SET name = secret',
      'SELECT (SELECT max(secret) FROM account)',
    ],
    ['SELECT id, name FROM account', 'SELECT * FROM log'],
  ],
  [
    'read of a table, not of a column of that name',
    { action: 'read', table: 'account' },
    ['SELECT id FROM account', 'SELECT count(*) FROM account'],
    ['SELECT account FROM log', 'SELECT * FROM log'],
  ],
  ['read of a database', { action: 'read', database: 'main' }, ['SELECT * FROM log'], ['SELECT 1']],
  ['select', { action: 'select' }, ['SELECT 1', 'SELECT * FROM log'], ['DELETE FROM log']],
  [
    'recursive',
    { action: 'recursive' },
    ['WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3) SELECT * FROM n'],
    ['WITH n AS (SELECT 1) SELECT * FROM n'],
  ],
  [
    'function',
    { action: 'function', table: 'upper' },
    ["SELECT upper('a')", 'SELECT UPPER(name) FROM account'],
    ["SELECT lower('A')"],
  ],
  [
    'create_table',
    { action: 'create_table' },
    ['CREATE TABLE t (x)', 'CREATE TABLE t AS SELECT 1'],
    ['CREATE VIEW v AS SELECT 1'],
  ],
  [
    'create_table of a name',
    { action: 'create_table', table: 'forbidden' },
    ['CREATE TABLE forbidden (x)'],
    ['CREATE TABLE t (x)'],
  ],
  [
    'create_index, by its table',
    { action: 'create_index', table: 'account' },
    ['CREATE INDEX i ON account (id)'],
    ['CREATE INDEX i ON log (x)'],
  ],
  [
    'create_index, by its name',
    { action: 'create_index', table: 'i' },
    ['CREATE INDEX i ON account (id)'],
    ['CREATE INDEX j ON account (id)'],
  ],
  [
    'drop_index, by its table',
    { action: 'drop_index', table: 'account' },
    ['DROP INDEX by_name'],
    ['CREATE INDEX i ON account (id)'],
  ],
  [
    'create_trigger, by its table',
    { action: 'create_trigger', table: 'account' },
    ['CREATE TRIGGER r AFTER INSERT ON account BEGIN SELECT 1; END'],
    ['CREATE TRIGGER r AFTER INSERT ON log BEGIN SELECT 1; END'],
  ],
  ['create_view', { action: 'create_view' }, ['CREATE VIEW v AS SELECT 1'], ['CREATE TABLE t (x)']],
  ['create_temp_table', { action: 'create_temp_table' }, ['CREATE TEMP TABLE t (x)'], ['CREATE TABLE t (x)']],
  ['drop_table', { action: 'drop_table', table: 'account' }, ['DROP TABLE account'], ['DROP TABLE log']],
  [
    'alter_table',
    { action: 'alter_table', table: 'account' },
    ['ALTER TABLE account ADD COLUMN y'],
    ['ALTER TABLE log ADD COLUMN y'],
  ],
  [
    'alter_table of a database',
    { action: 'alter_table', database: 'main' },
    ['ALTER TABLE account ADD COLUMN y'],
    ['SELECT 1'],
  ],
  ['create_vtable', { action: 'create_vtable' }, ['CREATE VIRTUAL TABLE f USING fts5 (x)'], ['CREATE TABLE t (x)']],
  ['analyze', { action: 'analyze' }, ['ANALYZE'], ['SELECT 1']],
  ['reindex', { action: 'reindex' }, ['REINDEX account'], ['SELECT 1']],
  ['pragma', { action: 'pragma', table: 'table_info' }, ['PRAGMA table_info(account)'], ['PRAGMA user_version']],
  [
    'pragma with a value',
    { action: 'pragma', table: 'user_version', column: '5' },
    ['PRAGMA user_version = 5'],
    ['PRAGMA user_version = 6', 'PRAGMA user_version'],
  ],
  ['attach', { action: 'attach' }, ["ATTACH ':memory:' AS other"], ['SELECT 1']],
  ['transaction', { action: 'transaction' }, ['BEGIN'], ['SELECT 1']],
  ['savepoint', { action: 'savepoint' }, ['SAVEPOINT s'], ['SELECT 1']],
];

describe('authorize()', () => {
  test.each(DENIES)('denies %s, and nothing else', async (_, rule, hits, leaves) => {
    const db = await accounts();
    await db.authorize({ deny: [rule] });
    expect(await denied(db, hits)).toEqual(hits.map(() => true));
    expect(await denied(db, leaves)).toEqual(leaves.map(() => false));
    await db.authorize(null);
    if (rule.action !== 'transaction' && rule.action !== 'attach') {
      expect(await denied(db, hits)).toEqual(hits.map(() => false));
    }
  });

  test('what is denied has no effect', async () => {
    const db = await accounts();
    await db.authorize({ deny: [{ action: 'delete' }, { action: 'drop_table' }] });
    for (const text of ['DELETE FROM account', 'DROP TABLE account', 'SELECT 1; DELETE FROM account']) {
      await rejection(db.exec(text));
    }
    await rejection(db.batch([{ sql: 'INSERT INTO log VALUES (2, 2)' }, { sql: 'DELETE FROM account' }]));
    expect(await db.get('SELECT count(*) AS n FROM account')).toEqual({ n: 1 });
    expect(await db.get('SELECT count(*) AS n FROM log')).toEqual({ n: 1 });
  });

  test('holds for every verb, and inside transactions', async () => {
    const db = await accounts();
    await db.authorize({ deny: [{ action: 'read', table: 'account', column: 'secret' }, { action: 'delete' }] });
    const calls = [
      () => db.run('DELETE FROM log'),
      () => db.get('SELECT secret FROM account'),
      () => db.all('SELECT secret FROM account'),
      () => db.query('DELETE FROM log RETURNING *'),
      () => db.exec('DELETE FROM log'),
      () => db.executeMany('DELETE FROM log WHERE x = ?', [[1]]),
      () => db.batch([{ sql: 'SELECT secret FROM account' }]),
      () => collect(db.iterate('SELECT secret FROM account')),
      () => db.describe('SELECT secret FROM account'),
      () => db.transaction(async (tx) => tx.run('DELETE FROM log')),
      () => collect(db.dump()),
    ];
    for (const call of calls) expect(await rejection(call())).toMatchObject({ code: 'SQLITE_AUTH' });
  });

  test('holds for statements that were prepared before, and for what triggers and views do', async () => {
    const db = await accounts();
    await db.exec(
      'CREATE VIEW v AS SELECT secret FROM account; CREATE TRIGGER r AFTER INSERT ON log BEGIN DELETE FROM account; END',
    );
    await db.all('SELECT secret FROM account');
    await db.authorize({
      deny: [
        { action: 'read', table: 'account', column: 'secret' },
        { action: 'delete', table: 'account' },
      ],
    });
    expect(
      await denied(db, ['SELECT secret FROM account', 'SELECT * FROM v', 'INSERT INTO log VALUES (2, 2)']),
    ).toEqual([true, true, true]);
    await db.authorize(null);
    expect(await db.all('SELECT secret FROM account')).toEqual([{ secret: 's' }]);
  });

  test('with allow rules denies all else', async () => {
    const db = await accounts();
    await db.authorize({
      allow: [
        { action: 'read', table: 'log' },
        { action: 'insert', table: 'log' },
        { action: 'function', table: 'count' },
        { action: 'savepoint' },
      ],
    });
    expect(
      await denied(db, ['SELECT x FROM log', 'INSERT INTO log VALUES (2, 2)', 'SELECT count(*) FROM log', 'SELECT 1']),
    ).toEqual([false, false, false, false]);
    expect(
      await denied(db, [
        'SELECT id FROM account',
        'DELETE FROM log',
        "SELECT upper('a')",
        'CREATE TABLE t (x)',
        'PRAGMA user_version',
        'BEGIN',
        "ATTACH ':memory:' AS o",
      ]),
    ).toEqual([true, true, true, true, true, true, true]);
  });

  test('an allow rule for a table allows no column of that name elsewhere', async () => {
    const db = await accounts();
    await db.authorize({ allow: [{ action: 'read', table: 'account' }] });
    expect(await denied(db, ['SELECT id FROM account', 'SELECT account FROM log'])).toEqual([false, true]);
  });

  test('deny rules win over allow rules', async () => {
    const db = await accounts();
    await db.authorize({ allow: [{ action: 'read' }], deny: [{ action: 'read', table: 'account', column: 'secret' }] });
    expect(await denied(db, ['SELECT name FROM account', 'SELECT secret FROM account'])).toEqual([false, true]);
  });

  test('replaces the rules before; empty ones are none', async () => {
    const db = await accounts();
    await db.authorize({ deny: [{ action: 'delete' }] });
    await db.authorize({ deny: [{ action: 'insert' }] });
    expect(await denied(db, ['DELETE FROM log', 'INSERT INTO log VALUES (1, 1)'])).toEqual([false, true]);
    for (const none of [{}, { deny: [] }, null]) {
      await db.authorize({ deny: [{ action: 'delete' }] });
      await db.authorize(none);
      expect(await denied(db, ['DELETE FROM log'])).toEqual([false]);
    }
  });

  test('a list of what is allowed that has come out empty allows nothing', async () => {
    const db = await accounts();
    await db.authorize({ allow: [] });
    expect(
      await denied(db, ['SELECT name FROM account', 'DELETE FROM log', 'PRAGMA user_version', 'SELECT 1']),
    ).toEqual([true, true, true, false]);
    await db.authorize(null);
    expect(await denied(db, ['DELETE FROM log'])).toEqual([false]);
  });

  test('is never in the way of our own statements', async () => {
    const db = await accounts();
    await db.authorize({ allow: [{ action: 'insert' }, { action: 'read' }] });
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO log VALUES (2, 2)');
      await tx.transaction(async (nested) => void (await nested.run('INSERT INTO log VALUES (3, 3)')));
    });
    await Promise.all([4, 5].map((x) => db.run('INSERT INTO log VALUES (?, 0)', [x])));
    await db.batch([{ sql: 'INSERT INTO log VALUES (6, 0)' }]);
    expect(await db.all('SELECT x FROM log')).toHaveLength(6);
    expect((await db.status()).dataVersion).toBeGreaterThan(0);
    await db.serialize();
  });

  test('takes names of any case, and hostile ones', async () => {
    const db = await accounts();
    await db.exec('CREATE TABLE "a""b; --" (x)');
    await db.authorize({
      deny: [
        { action: 'insert', table: 'a"b; --' },
        { action: 'delete', table: 'ACCOUNT' },
      ],
    });
    expect(await denied(db, ['INSERT INTO "a""b; --" VALUES (1)', 'DELETE FROM account'])).toEqual([true, true]);
  });

  test('of a lease ends with the lease', async () => {
    const pool = on.pool({ poolSize: 2 });
    await pool.exec('CREATE TABLE t (x)');
    await pool.withConnection(async (db) => {
      await db.authorize({ deny: [{ action: 'insert' }] });
      expect(await rejection(db.run('INSERT INTO t VALUES (1)'))).toMatchObject({ code: 'SQLITE_AUTH' });
    });
    await pool.run('INSERT INTO t VALUES (1)');
  });

  test('can be set on every connection of a pool', async () => {
    const pool = on.pool({ onConnect: (db) => db.authorize({ deny: [{ action: 'delete' }] }) });
    await pool.exec('CREATE TABLE t (x)');
    expect(await rejection(pool.run('DELETE FROM t'))).toMatchObject({ code: 'SQLITE_AUTH' });
    expect(await pool.all('SELECT * FROM t')).toEqual([]);
  });

  test.each([
    ['no rules', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['a text', 'deny', 'ERR_INVALID_ARG_TYPE'],
    ['a function, as other drivers take', () => 0, 'ERR_INVALID_ARG_TYPE'],
    ['deny that is no array', { deny: { action: 'delete' } }, 'ERR_INVALID_ARG_TYPE'],
    ['a rule that is none', { deny: ['delete'] }, 'ERR_INVALID_ARG_TYPE'],
    ['null as a rule', { allow: [null] }, 'ERR_INVALID_ARG_TYPE'],
    ['a hole among the rules', { deny: new Array(1) }, 'ERR_INVALID_ARG_TYPE'],
    ['a rule without an action', { deny: [{ table: 'account' }] }, 'ERR_INVALID_ARG_TYPE'],
    ['an action as a number', { deny: [{ action: 9 }] }, 'ERR_INVALID_ARG_TYPE'],
    ['an action that is none', { deny: [{ action: 'remove' }] }, 'ERR_OUT_OF_RANGE'],
    ['an action in upper case', { deny: [{ action: 'DELETE' }] }, 'ERR_OUT_OF_RANGE'],
    ['an action with its prefix', { deny: [{ action: 'sqlite_delete' }] }, 'ERR_OUT_OF_RANGE'],
    ['an action that every object has', { deny: [{ action: 'constructor' }] }, 'ERR_OUT_OF_RANGE'],
    ['a table as a number', { deny: [{ action: 'delete', table: 1 }] }, 'ERR_INVALID_ARG_TYPE'],
    ['a table whose name is empty', { allow: [{ action: 'delete', table: '' }] }, 'ERR_OUT_OF_RANGE'],
    ['a table with U+0000', { deny: [{ action: 'delete', table: 'a\0' }] }, 'ERR_OUT_OF_RANGE'],
  ])('%s rejects, and the rules stay as they are', async (_, rules, code) => {
    const db = await accounts();
    await db.authorize({ deny: [{ action: 'insert' }] });
    expect(await rejection(db.authorize(rules as never))).toMatchObject({ code });
    expect(await denied(db, ['DELETE FROM log', 'INSERT INTO log VALUES (1, 1)'])).toEqual([false, true]);
  });

  test('rejects on a closed connection', async () => {
    const db = await on.connect();
    await db.close();
    expect(await rejection(db.authorize(null))).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

/** Each row of the table of differences in docs/explanation/compatibility.md, shown on both packages where sqlite3 is there. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type * as ours from 'aiosqlite/sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { modules } from './support/modules.js';

const on = databases();
type Sqlite3 = typeof ours;
type Done = (...results: any[]) => void;

/** The result that a callback gets, or the code of its error. */
const told = (call: (done: Done) => unknown): Promise<any> =>
  new Promise((resolve) => {
    call((error: any, result: unknown) => resolve(error ? (error.code ?? error.name) : result));
  });
/** The same; `'nothing'` if the callback is not called soon. */
const toldSoon = (call: (done: Done) => unknown) =>
  Promise.race([told(call), new Promise((resolve) => setTimeout(resolve, 300, 'nothing'))]);
const errorOf = (call: (done: Done) => unknown): Promise<any> => new Promise((resolve) => call(resolve));

const opened: ours.Database[] = [];
const open = (sqlite3: Sqlite3, file = ':memory:', ...more: any[]) => {
  const db = new (sqlite3.Database as any)(file, ...more) as ours.Database;
  opened.push(db);
  return db;
};
afterEach(async () => {
  for (const db of opened.splice(0)) if (db.open) await new Promise((resolve) => db.close(resolve));
});

const SLOW = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) SELECT count(*) FROM n';

/** Collects the events of a database while `work` runs, and shortly after. */
async function eventsOf(db: ours.Database, event: string, work: () => Promise<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  db.on(event, (...event) => seen.push(event));
  await work();
  await new Promise((resolve) => setTimeout(resolve, 50));
  return seen;
}

/** By the left column of the table: what a program sees there and here. */
const differences: Record<string, { see: (sqlite3: Sqlite3) => Promise<unknown>; there: unknown; here: unknown }> = {
  '`parallelize()` runs calls at once': {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      await told((done) => db.wait(done));
      const order: string[] = [];
      await new Promise<void>((resolve) => {
        const note = (name: string) => () => order.push(name) === 2 && resolve();
        db.parallelize(() => void db.get(SLOW, note('slow')).get('SELECT 1', note('fast')));
      });
      return order;
    },
    there: ['fast', 'slow'],
    here: ['slow', 'fast'],
  },
  'callbacks of calls that wait have no asynchronous context': {
    see: (sqlite3) => {
      const context = new AsyncLocalStorage();
      const db = open(sqlite3);
      return context.run('mine', () => told((done) => db.get('SELECT 1', () => done(null, context.getStore()))));
    },
    there: undefined,
    here: 'mine',
  },
  'integers beyond ±(2^53 - 1) are rounded': {
    see: async (sqlite3) => (await told((done) => open(sqlite3).get('SELECT 9007199254740993 AS x', done))).x,
    there: 9007199254740992,
    here: 9007199254740993n,
  },
  'whole numbers beyond 32 bits are bound as REAL, `bigint` as NULL': {
    see: (sqlite3) => told((done) => open(sqlite3).get('SELECT typeof(?) AS a, typeof(?) AS b', [2 ** 40, 1n], done)),
    there: { a: 'real', b: 'null' },
    here: { a: 'integer', b: 'integer' },
  },
  'an object or array as a value is stored as `[object Object]`': {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      return [
        await told((done) => db.get('SELECT ? AS x', [{}], done)),
        await told((done) => db.get('SELECT ? AS x', [[1]], done)),
      ];
    },
    there: [{ x: '[object Object]' }, { x: '[object Object]' }],
    here: ['ERR_INVALID_ARG_TYPE', 'ERR_PARAMETERS'],
  },
  'of several statements in `run()`, `get()`, `all()`, the first one runs': {
    see: (sqlite3) => told((done) => open(sqlite3).get('SELECT 1 AS x; SELECT 2 AS x', done)),
    there: { x: 1 },
    here: 'ERR_STATEMENT_COUNT',
  },
  'SQL without a statement fails with `SQLITE_MISUSE`': {
    see: (sqlite3) => told((done) => open(sqlite3).run('-- nothing', done)),
    there: 'SQLITE_MISUSE',
    here: 'ERR_STATEMENT_COUNT',
  },
  'SQL ends at U+0000': {
    see: (sqlite3) => told((done) => open(sqlite3).get('SELECT 1 AS x\0 nonsense', done)),
    there: { x: 1 },
    here: 'ERR_INVALID_ARG_VALUE',
  },
  '`changes` after `CREATE TABLE` and the like is that of an earlier statement': {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      await told((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)', done));
      return new Promise((resolve) => {
        db.run('CREATE TABLE u (x)', function () {
          resolve(this.changes);
        });
      });
    },
    there: 2,
    here: 0,
  },
  '`close()` fails while a statement is not finalized': {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      const statement = db.prepare('SELECT 1');
      await told((done) => statement.all(done));
      const closed = await told((done) => db.close(done));
      if (db.open) await told((done) => statement.finalize(done));
      return closed;
    },
    there: 'SQLITE_BUSY',
    here: undefined,
  },
  'a file that is no database fails at the first call': {
    see: async (sqlite3) => {
      writeFileSync(on.file(), 'this is no database, however long it may be '.repeat(100));
      let db: ours.Database | undefined;
      const first = await told((done) => {
        db = open(sqlite3, on.file(), done);
      });
      return [first, await told((done) => db?.get('SELECT * FROM sqlite_schema', done))];
    },
    there: [undefined, 'SQLITE_NOTADB'],
    here: ['SQLITE_NOTADB', 'SQLITE_NOTADB'],
  },
  'errors of opening do not name the file': {
    see: async (sqlite3) => {
      const { message } = await errorOf((done) => open(sqlite3, on.file('no/such.db'), done));
      return message.replace(on.file('no/such.db'), 'FILE');
    },
    there: 'SQLITE_CANTOPEN: unable to open database file',
    here: 'SQLITE_CANTOPEN: unable to open database file: FILE',
  },
  'after a failed opening, calls never call back': {
    see: async (sqlite3) => {
      const db = open(sqlite3, on.file('no/such.db'), () => {});
      return toldSoon((done) => db.get('SELECT 1', done));
    },
    there: 'nothing',
    here: 'SQLITE_CANTOPEN',
  },
  'calls of a statement that could not be prepared never call back': {
    see: async (sqlite3) => {
      const statement = open(sqlite3).prepare('SELEC 1', () => {});
      return toldSoon((done) => statement.all(done));
    },
    there: 'nothing',
    here: 'SQLITE_ERROR',
  },
  "`'change'` comes with each row": {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      await told((done) => db.exec('CREATE TABLE t (x)', done));
      const undone = 'BEGIN; INSERT INTO t VALUES (1); ROLLBACK; INSERT INTO t VALUES (2)';
      return (await eventsOf(db, 'change', () => told((done) => db.exec(undone, done)))).length;
    },
    there: 2,
    here: 1,
  },
  "`'change'` names the schema": {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      await told((done) => db.exec('CREATE TEMP TABLE t (x)', done));
      return eventsOf(db, 'change', () => told((done) => db.run('INSERT INTO t VALUES (1)', done)));
    },
    there: [['insert', 'temp', 't', 1]],
    here: [['insert', 'main', 't', 1]],
  },
  "`DELETE` without `WHERE` makes no `'change'`": {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      await told((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)', done));
      return (await eventsOf(db, 'change', () => told((done) => db.run('DELETE FROM t', done)))).length;
    },
    there: 0,
    here: 2,
  },
  "`'trace'` has SQL with its values, and each statement of a script": {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      return eventsOf(db, 'trace', async () => {
        await told((done) => db.get('SELECT ? AS x', 'value', done));
        await told((done) => db.exec('SELECT 1; SELECT 2', done));
      });
    },
    there: [["SELECT 'value' AS x"], ['SELECT 1;'], ['SELECT 2']],
    here: [['SELECT ? AS x'], ['SELECT 1; SELECT 2']],
  },
  '`backup.step(n)` copies `n` pages': {
    see: async (sqlite3) => {
      const db = open(sqlite3, on.file());
      await told((done) => db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(50000))', done));
      const backup = db.backup(on.file('copy.db'));
      const isComplete = await told((done) => backup.step(1, done));
      await told((done) => backup.finish(done));
      return [isComplete, backup.remaining > 0];
    },
    there: [false, true],
    here: [true, false],
  },
  'a missing file is made, and then restored as an empty database': {
    see: async (sqlite3) => {
      const db = open(sqlite3, on.file());
      await told((done) => db.exec('CREATE TABLE t (x)', done));
      const backup = db.backup(on.file('missing.db'), 'main', 'main', false);
      const isComplete = await told((done) => backup.step(-1, done));
      await told((done) => backup.finish(done));
      return [
        isComplete,
        existsSync(on.file('missing.db')),
        await told((done) => db.all('SELECT name FROM sqlite_schema', done)),
      ];
    },
    there: [true, true, []],
    here: ['SQLITE_CANTOPEN', false, [{ name: 't' }]],
  },
  '`backup()` takes any schema': {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      await told((done) => db.exec('CREATE TEMP TABLE t (x)', done));
      let backup: ours.Backup | undefined;
      const made = await told((done) => {
        backup = db.backup(on.file('copy.db'), 'main', 'temp', true, done);
      });
      await toldSoon((done) => backup?.finish(done));
      return made;
    },
    there: undefined,
    here: 'SQLITE_ERROR',
  },
  '`backup()` into a folder that is not there fails': {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      let backup: ours.Backup | undefined;
      const made = await told((done) => {
        backup = db.backup(on.file('no/such.db'), done as never);
      });
      return [made, await toldSoon((done) => backup?.step(-1, done))];
    },
    there: ['SQLITE_CANTOPEN', 'nothing'],
    here: [undefined, 'SQLITE_CANTOPEN'],
  },
  'FTS3, FTS4 and FTS5': {
    see: (sqlite3) => {
      const db = open(sqlite3);
      const using = (name: string) => told((done) => db.exec(`CREATE VIRTUAL TABLE v_${name} USING ${name}(x)`, done));
      return Promise.all(['fts3', 'fts4', 'fts5'].map(using));
    },
    there: [undefined, undefined, undefined],
    here: ['SQLITE_ERROR', 'SQLITE_ERROR', undefined],
  },
  'errors have `errno` and `code`': {
    see: async (sqlite3) => {
      const db = open(sqlite3);
      await told((done) => db.exec('CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1)', done));
      const { errno, code, cause } = await errorOf((done) => db.run('INSERT INTO t VALUES (1)', done));
      return [errno, code, cause?.code];
    },
    there: [19, 'SQLITE_CONSTRAINT', undefined],
    here: [19, 'SQLITE_CONSTRAINT', 'SQLITE_CONSTRAINT_UNIQUE'],
  },
  '`verbose()` adds the arguments of the call to stacks': {
    see: async (sqlite3) => {
      const db = open(sqlite3.verbose() as never);
      const { stack } = await errorOf((done) => db.run('SELEC ?', 'value', done));
      return /--> in .*/.exec(stack)?.[0];
    },
    there: "--> in Database#run('SELEC ?', 'value', [Function (anonymous)])",
    here: '--> in SELEC ?',
  },
};

describe.each(modules)('%s', (name, sqlite3) => {
  test.each(Object.entries(differences))('%s', async (_, { see, there, here }) => {
    expect(await see(sqlite3)).toEqual(name === 'sqlite3' ? there : here);
  });
});

test('each row of the table has its program', () => {
  const page = readFileSync(new URL('../../docs/explanation/compatibility.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('### aiosqlite/sqlite3\n');
  const [table = ''] = section.split('\n## ');
  const rows = [...table.matchAll(/^\| (.*?) \| .* \|$/gm)].map(([, there]) => there).slice(1);
  expect(rows.sort()).toEqual(Object.keys(differences).sort());
});

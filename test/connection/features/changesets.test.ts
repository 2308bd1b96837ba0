import { type ChangeRecorder, type Connection, connect, invertChangeset } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
const SCHEMA = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text, stars); CREATE TABLE tag (name TEXT PRIMARY KEY, n)';

/** Two databases of one schema and content. */
async function pair(setup = ''): Promise<[Connection, Connection]> {
  const pair = await Promise.all(['a', 'b'].map((name) => on.connect({}, on.file(`${name}.db`))));
  for (const db of pair) await db.exec(`${SCHEMA};${setup}`);
  return pair as [Connection, Connection];
}

/** What `work` changes. */
async function record(
  db: Connection,
  work: () => Promise<unknown>,
  kind: 'changeset' | 'patchset' = 'changeset',
  tables?: string[],
) {
  const recorder = await db.recordChanges(tables && { tables });
  try {
    await work();
    return await recorder[kind]();
  } finally {
    await recorder.close();
  }
}

const notes = (db: Connection) => db.all('SELECT * FROM note ORDER BY id');

describe('recordChanges()', () => {
  test.each(['changeset', 'patchset'] as const)(
    'records inserts, updates and deletes as a %s that another database takes',
    async (kind) => {
      const [a, b] = await pair(
        "INSERT INTO note VALUES (1, 'one', 1), (2, 'two', 2); INSERT INTO tag VALUES ('x', 1)",
      );
      const changes = await record(
        a,
        async () => {
          await a.run("INSERT INTO note VALUES (3, 'three', x'00ff')");
          await a.run("UPDATE note SET text = 'ONE' WHERE id = 1");
          await a.run('DELETE FROM note WHERE id = 2');
          await a.run("UPDATE tag SET n = 9223372036854775807 WHERE name = 'x'");
        },
        kind,
      );
      await b.applyChangeset(changes);
      expect(await notes(b)).toEqual(await notes(a));
      expect(await b.all('SELECT * FROM tag')).toEqual([{ name: 'x', n: 2n ** 63n - 1n }]);
    },
  );

  test('gives everything so far, again and again', async () => {
    const [a, b] = await pair();
    const recorder = await a.recordChanges();
    expect(await recorder.changeset()).toEqual(new Uint8Array(0));
    await a.run("INSERT INTO note VALUES (1, 'one', 1)");
    const first = await recorder.changeset();
    await a.run("INSERT INTO note VALUES (2, 'two', 2)");
    const second = await recorder.changeset();
    expect(second.length).toBeGreaterThan(first.length);
    expect(await recorder.changeset()).toEqual(second);
    await recorder.close();
    await b.applyChangeset(second);
    expect(await notes(b)).toHaveLength(2);
  });

  test('comes to what is left in the end', async () => {
    const [a] = await pair();
    const changes = await record(a, async () => {
      await a.run("INSERT INTO note VALUES (1, 'one', 1)");
      await a.run('DELETE FROM note');
      const failing = a.transaction(async (tx) => {
        await tx.run("INSERT INTO note VALUES (2, 'two', 2)");
        throw new Error('back');
      });
      await rejection(failing);
    });
    expect(changes).toEqual(new Uint8Array(0));
  });

  test('records what comes after it began, of the tables that were asked for', async () => {
    const [a, b] = await pair();
    await a.run("INSERT INTO note VALUES (1, 'before', 1)");
    const changes = await record(
      a,
      async () => {
        await a.run("INSERT INTO note VALUES (2, 'after', 1)");
        await a.run("INSERT INTO tag VALUES ('after', 1)");
      },
      'changeset',
      ['note'],
    );
    await b.applyChangeset(changes);
    expect(await notes(b)).toEqual([{ id: 2, text: 'after', stars: 1 }]);
    expect(await b.all('SELECT * FROM tag')).toEqual([]);
  });

  test('records writes of every kind, those that share a commit too, and not those of others', async () => {
    const [a, b] = await pair();
    const other = await on.connect({}, on.file('a.db'));
    const changes = await record(a, async () => {
      await Promise.all([1, 2, 3].map((i) => a.run('INSERT INTO note VALUES (?, ?, 0)', [i, `${i}`])));
      await a.transaction(async (tx) => void (await tx.run("INSERT INTO note VALUES (4, '4', 0)")));
      await a.executeMany('INSERT INTO note VALUES (?, ?, 0)', [[5, '5']]);
      await a.exec("INSERT INTO note VALUES (6, '6', 0)");
      await other.run("INSERT INTO note VALUES (7, 'other', 0)");
    });
    await b.applyChangeset(changes);
    expect((await notes(b)).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('several record side by side', async () => {
    const [a] = await pair();
    const [all, some] = await Promise.all([a.recordChanges(), a.recordChanges({ tables: ['tag'] })]);
    await a.run("INSERT INTO note VALUES (1, 'one', 1)");
    expect((await all.changeset()).length).toBeGreaterThan(0);
    expect(await some.changeset()).toHaveLength(0);
    for (const recorder of [all, some]) await recorder.close();
  });

  test('a patchset is smaller', async () => {
    const [a] = await pair(`INSERT INTO note VALUES (1, '${'x'.repeat(1000)}', 1)`);
    const recorder = await a.recordChanges();
    await a.run('DELETE FROM note');
    expect((await recorder.patchset()).length).toBeLessThan((await recorder.changeset()).length / 10);
    await recorder[Symbol.asyncDispose]();
  });

  test('closing is idempotent, and later calls reject ERR_CLOSED', async () => {
    const [a] = await pair();
    const recorder = await a.recordChanges();
    await Promise.all([recorder.close(), recorder.close()]);
    expect(await rejection(recorder.changeset())).toMatchObject({ code: 'ERR_CLOSED' });
    const open = await a.recordChanges();
    await a.close();
    expect(await rejection(open.patchset())).toMatchObject({ code: 'ERR_CLOSED' });
    await open.close();
    expect(await rejection(a.recordChanges())).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('a lease takes its recorder with it', async () => {
    const pool = on.pool({ poolSize: 2 });
    await pool.exec(SCHEMA);
    let recorder: ChangeRecorder | undefined;
    await pool.withConnection(async (db) => {
      recorder = await db.recordChanges();
    });
    await pool.run("INSERT INTO note VALUES (1, 'later', 1)");
    expect(await rejection(recorder!.changeset())).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test.each([
    ['options that are none', 'note'],
    ['tables as a text', { tables: 'note' }],
    ['a table that is no text', { tables: [1] }],
    ['a hole among the tables', { tables: new Array(2) }],
  ])('%s reject', async (_, options) => {
    const [a] = await pair();
    expect(await rejection(a.recordChanges(options as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('the process may end while it records', async () => {
    await pair();
    expect(
      await run(new URL('support/open-at-exit.mjs', import.meta.url), [on.file('a.db'), 'recorder']),
    ).toMatchObject({ code: 0 });
  });
});

describe('applyChangeset()', () => {
  /** A changeset of an insert, an update and a delete, each of which conflicts with what `b` has. */
  async function conflicting() {
    const [a, b] = await pair("INSERT INTO note VALUES (1, 'one', 1), (2, 'two', 2)");
    const changes = await record(a, async () => {
      await a.run("INSERT INTO note VALUES (3, 'theirs', 3)");
      await a.run("UPDATE note SET text = 'theirs' WHERE id = 1");
      await a.run('DELETE FROM note WHERE id = 2');
      await a.run("INSERT INTO note VALUES (4, 'theirs', 4)");
    });
    await b.run("INSERT INTO note VALUES (3, 'ours', 3)");
    await b.run("UPDATE note SET text = 'ours' WHERE id = 1");
    await b.run('UPDATE note SET stars = 9 WHERE id = 2');
    return { b, changes };
  }
  const OURS = [
    { id: 1, text: 'ours', stars: 1 },
    { id: 2, text: 'two', stars: 9 },
    { id: 3, text: 'ours', stars: 3 },
  ];

  test("'abort', the default: nothing is applied, rejects SQLITE_ABORT", async () => {
    const { b, changes } = await conflicting();
    expect(await rejection(b.applyChangeset(changes))).toMatchObject({
      name: 'SqliteError',
      code: 'SQLITE_ABORT',
      errcode: 4,
    });
    expect(await rejection(b.applyChangeset(changes, { onConflict: 'abort' }))).toMatchObject({ code: 'SQLITE_ABORT' });
    expect(await notes(b)).toEqual(OURS);
  });

  test("'omit': without what conflicts", async () => {
    const { b, changes } = await conflicting();
    await b.applyChangeset(changes, { onConflict: 'omit' });
    expect(await notes(b)).toEqual([...OURS, { id: 4, text: 'theirs', stars: 4 }]);
  });

  test("'replace': overwrites", async () => {
    const { b, changes } = await conflicting();
    await b.applyChangeset(changes, { onConflict: 'replace' });
    expect(await notes(b)).toEqual([
      { id: 1, text: 'theirs', stars: 1 },
      { id: 3, text: 'theirs', stars: 3 },
      { id: 4, text: 'theirs', stars: 4 },
    ]);
  });

  test("a row that is not there is a conflict, which 'omit' and 'replace' pass over", async () => {
    const [a, b] = await pair("INSERT INTO note VALUES (1, 'one', 1)");
    const changes = await record(a, () => a.run("UPDATE note SET text = 'changed'"));
    await b.run('DELETE FROM note');
    expect(await rejection(b.applyChangeset(changes))).toMatchObject({ code: 'SQLITE_ABORT' });
    for (const onConflict of ['omit', 'replace'] as const) await b.applyChangeset(changes, { onConflict });
    expect(await notes(b)).toEqual([]);
  });

  test.each(['abort', 'omit', 'replace'] as const)('never leaves a foreign key violated: %s', async (onConflict) => {
    const [a, b] = await pair('CREATE TABLE child (id INTEGER PRIMARY KEY, note REFERENCES note (id))');
    await a.run("INSERT INTO note VALUES (1, 'parent', 1)");
    const changes = await record(a, () => a.run('INSERT INTO child VALUES (1, 1)'));
    expect(await rejection(b.applyChangeset(changes, { onConflict }))).toMatchObject({
      name: 'SqliteError',
      code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
      errcode: 787,
    });
    expect(await b.all('SELECT * FROM child')).toEqual([]);
    expect(await b.all('PRAGMA foreign_key_check')).toEqual([]);
    expect(b.inTransaction).toBe(false);
  });

  test.each(['abort', 'omit', 'replace'] as const)('a constraint that a change breaks: %s', async (onConflict) => {
    const [a, b] = await pair();
    await b.exec('CREATE UNIQUE INDEX u ON note (stars)');
    await b.run("INSERT INTO note VALUES (9, 'ours', 5)");
    const changes = await record(a, () => a.run("INSERT INTO note VALUES (1, 'theirs', 5), (2, 'free', 6)"));
    const applied = await b.applyChangeset(changes, { onConflict }).then(
      () => true,
      ({ code }) => code,
    );
    expect(applied).toBe(onConflict === 'omit' ? true : 'SQLITE_ABORT');
    expect((await notes(b)).map(({ id }) => id)).toEqual(onConflict === 'omit' ? [2, 9] : [9]);
  });

  test('applies only the tables that were asked for', async () => {
    const [a, b] = await pair();
    const changes = await record(a, async () => {
      await a.run("INSERT INTO note VALUES (1, 'one', 1)");
      await a.run("INSERT INTO tag VALUES ('x', 1)");
    });
    await b.applyChangeset(changes, { tables: ['tag'] });
    expect(await notes(b)).toEqual([]);
    expect(await b.all('SELECT * FROM tag')).toEqual([{ name: 'x', n: 1 }]);
    await b.applyChangeset(changes, { tables: ['note', 'nothing'] });
    expect(await notes(b)).toHaveLength(1);
  });

  test.each([
    ['no such table', 'DROP TABLE tag'],
    ['fewer columns', 'ALTER TABLE tag DROP COLUMN n'],
    ['another key', 'DROP TABLE tag; CREATE TABLE tag (name TEXT, n PRIMARY KEY)'],
    ['a key of more columns', 'DROP TABLE tag; CREATE TABLE tag (name TEXT, n, PRIMARY KEY (name, n))'],
  ])(
    'of a table that the database does not have so rejects SQLITE_SCHEMA, and nothing is left out: %s',
    async (_, change) => {
      const [a, b] = await pair();
      await b.exec(change);
      const changes = await record(a, async () => {
        await a.run("INSERT INTO note VALUES (1, 'one', 1)");
        await a.run("INSERT INTO tag VALUES ('x', 1)");
      });
      for (const onConflict of ['abort', 'omit', 'replace'] as const) {
        const error = await rejection(b.applyChangeset(changes, { onConflict }));
        expect(error).toMatchObject({ name: 'SqliteError', code: 'SQLITE_SCHEMA' });
        expect(error.message).toContain('tag');
      }
      expect(await notes(b)).toEqual([]);
      await b.applyChangeset(changes, { tables: ['note'] });
      expect(await notes(b)).toHaveLength(1);
    },
  );

  test('fits tables with more columns, generated ones, none but a rowid, and keys of several columns', async () => {
    const [a, b] = await pair();
    const own =
      'CREATE TABLE keyed (a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID; CREATE TABLE made (id INTEGER PRIMARY KEY, twice AS (x * 2), x)';
    await a.exec(own);
    await b.exec(`${own}; ALTER TABLE keyed ADD COLUMN more DEFAULT 'm'; ALTER TABLE note ADD COLUMN extra`);
    const changes = await record(a, async () => {
      await a.run("INSERT INTO note VALUES (1, 'one', 1)");
      await a.run('INSERT INTO keyed VALUES (1, 2, 3)');
      await a.run('INSERT INTO made (id, x) VALUES (1, 21)');
    });
    await b.applyChangeset(changes);
    expect(await b.all('SELECT * FROM keyed')).toEqual([{ a: 1, b: 2, c: 3, more: 'm' }]);
    expect(await b.all('SELECT * FROM made')).toEqual([{ id: 1, twice: 42, x: 21 }]);
    expect(await b.all('SELECT * FROM note')).toEqual([{ id: 1, text: 'one', stars: 1, extra: null }]);
  });

  test('fires triggers, whose exceptions reject it with their cause', async () => {
    const [a, b] = await pair();
    const changes = await record(a, () => a.run("INSERT INTO note VALUES (1, 'one', 1)"));
    const reason = new Error('of the trigger');
    await b.createFunction('boom', () => {
      throw reason;
    });
    await b.exec('CREATE TRIGGER t AFTER INSERT ON note BEGIN SELECT boom(); END');
    expect(await rejection(b.applyChangeset(changes))).toMatchObject({ code: 'ERR_FUNCTION', cause: reason });
    expect(await notes(b)).toEqual([]);
    expect(await rejection(b.get('SELECT missing'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('inside a transaction of the user commits and rolls back with it', async () => {
    const [a, b] = await pair();
    const changes = await record(a, () => a.run("INSERT INTO note VALUES (1, 'one', 1)"));
    await b.exec('BEGIN');
    await b.applyChangeset(changes);
    await rejection(b.applyChangeset(changes));
    expect(b.inTransaction).toBe(true);
    expect(await notes(b)).toHaveLength(1);
    await b.exec('ROLLBACK');
    expect(await notes(b)).toEqual([]);
  });

  test('takes the bytes as they are at the moment of the call', async () => {
    const [a, b] = await pair();
    const changes = await record(a, () => a.run("INSERT INTO note VALUES (1, 'one', 1)"));
    const applying = b.applyChangeset(changes);
    changes.fill(0);
    await applying;
    expect(await notes(b)).toHaveLength(1);
  });

  test('of nothing changes nothing', async () => {
    const [, b] = await pair();
    await b.applyChangeset(new Uint8Array(0));
  });

  test('is refused on a reader', async () => {
    const [a] = await pair();
    const changes = await record(a, () => a.run("INSERT INTO note VALUES (1, 'one', 1)"));
    const pool = on.pool();
    await pool.exec(SCHEMA);
    await pool.withConnection(
      async (db) => expect((await rejection(db.applyChangeset(changes))).code).toMatch(/^SQLITE_READONLY/),
      { role: 'reader' },
    );
  });

  test.each([
    ['a few bytes', new Uint8Array([1, 2, 3])],
    ['noise', new Uint8Array(1000).map((_, i) => (i * 167 + 13) % 256)],
    ['a text', Buffer.from('INSERT INTO note VALUES (1)')],
    ['what only begins like one', new Uint8Array([0x54, 3, 1, 0, 0, 0x6e, 0x6f, 0x74, 0x65, 0, 18, 0])],
  ])('%s is no changeset: rejects SQLITE_CORRUPT, and changes nothing', async (_, garbage) => {
    const [, b] = await pair("INSERT INTO note VALUES (1, 'one', 1)");
    for (const onConflict of ['abort', 'omit', 'replace'] as const) {
      expect((await rejection(b.applyChangeset(garbage, { onConflict }))).code).toMatch(
        /^SQLITE_(CORRUPT|SCHEMA|ERROR)/,
      );
    }
    expect(await notes(b)).toEqual([{ id: 1, text: 'one', stars: 1 }]);
    await b.run("INSERT INTO note VALUES (2, 'two', 2)");
  });

  test('a damaged changeset is an error or applied, never half and never a crash', async () => {
    const [a, b] = await pair();
    const good = await record(a, () =>
      a.run("INSERT INTO note VALUES (1, 'one', 1), (2, 'two', 2.5), (3, NULL, x'0102')"),
    );
    for (let i = 0; i < 300; i++) {
      const bad = good.slice(0, i % 5 === 0 ? i % good.length : good.length);
      if (bad.length > 0) bad[(i * 7919) % bad.length]! ^= 1 << (i % 8);
      const before = await notes(b);
      const code = await b.applyChangeset(bad, { onConflict: 'replace' }).then(
        () => undefined,
        (error) => error.code,
      );
      if (code !== undefined) {
        expect(code).toMatch(/^SQLITE_/);
        expect(await notes(b)).toEqual(before);
      }
    }
    expect((await b.integrityCheck()).ok).toBe(true);
  });

  test.each([
    ['no bytes', undefined, {}, 'ERR_INVALID_ARG_TYPE'],
    ['a text', 'changes', {}, 'ERR_INVALID_ARG_TYPE'],
    ['an ArrayBuffer', new ArrayBuffer(3), {}, 'ERR_INVALID_ARG_TYPE'],
    ['options that are none', new Uint8Array(0), null, 'ERR_INVALID_ARG_TYPE'],
    ['a policy that is none', new Uint8Array(0), { onConflict: 'ignore' }, 'ERR_OUT_OF_RANGE'],
    ['tables as a text', new Uint8Array(0), { tables: 'note' }, 'ERR_INVALID_ARG_TYPE'],
  ])('%s rejects', async (_, changes, options, code) => {
    const [, b] = await pair();
    expect(await rejection(b.applyChangeset(changes as never, options as never))).toMatchObject({ code });
  });
});

describe('invertChangeset()', () => {
  test('gives the changeset that undoes this one', async () => {
    const [a, b] = await pair("INSERT INTO note VALUES (1, 'one', 1), (2, 'two', 2)");
    const before = await notes(a);
    const changes = await record(a, async () => {
      await a.run("INSERT INTO note VALUES (3, 'three', 3)");
      await a.run("UPDATE note SET text = 'changed', stars = NULL WHERE id = 1");
      await a.run('DELETE FROM note WHERE id = 2');
    });
    await b.applyChangeset(changes);
    for (const db of [a, b]) {
      await db.applyChangeset(await invertChangeset(changes));
      expect(await notes(db)).toEqual(before);
    }
    expect(await invertChangeset(await invertChangeset(changes))).toEqual(changes);
  });

  test('of nothing is nothing', async () => {
    expect(await invertChangeset(new Uint8Array(0))).toEqual(new Uint8Array(0));
  });

  test('refuses garbage and a patchset: ERR_INVALID_CHANGESET', async () => {
    const [a] = await pair("INSERT INTO note VALUES (1, 'one', 1)");
    const patchset = await record(a, () => a.run("UPDATE note SET text = 'x'"), 'patchset');
    for (const bytes of [new Uint8Array([1, 2, 3]), Buffer.from('x'.repeat(100)), patchset]) {
      expect(await rejection(invertChangeset(bytes))).toMatchObject({
        name: 'AiosqliteError',
        code: 'ERR_INVALID_CHANGESET',
      });
    }
  });

  test.each([
    ['undefined', undefined],
    ['a text', 'T'],
    ['an array', [1]],
  ])('rejects %s', async (_, changes) => {
    expect(await rejection(invertChangeset(changes as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('runs many at a time', async () => {
    const [a] = await pair();
    const changes = await record(a, () => a.run("INSERT INTO note VALUES (1, 'one', 1)"));
    const inverted = await Promise.all(Array.from({ length: 200 }, () => invertChangeset(changes)));
    expect(new Set(inverted.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(1);
  });
});

test('changesets carry a database forward and back', async () => {
  const original = await connect(':memory:');
  const copy = await connect(':memory:');
  for (const db of [original, copy]) await db.exec(SCHEMA);
  const steps: Uint8Array[] = [];
  for (let step = 0; step < 20; step++) {
    steps.push(
      await record(original, async () => {
        await original.run('INSERT INTO note VALUES (?, ?, ?)', [step, `note ${step}`, step % 5]);
        await original.run('UPDATE note SET stars = stars + 1 WHERE id % 3 = ?', [step % 3]);
        await original.run('DELETE FROM note WHERE id = ?', [step - 7]);
      }),
    );
  }
  for (const step of steps) await copy.applyChangeset(step);
  expect(await notes(copy)).toEqual(await notes(original));
  for (const step of steps.reverse()) await copy.applyChangeset(await invertChangeset(step));
  expect(await notes(copy)).toEqual([]);
  await original.close();
  await copy.close();
});

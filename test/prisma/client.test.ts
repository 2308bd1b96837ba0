/** Prisma's own client over PrismaAiosqlite: programs as its users write them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Pool } from 'aiosqlite';
import { PrismaAiosqlite } from 'aiosqlite/prisma';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { generatedClient } from './support/client.js';

const on = databases();
const schema = readFileSync(fileURLToPath(new URL('support/schema.sql', import.meta.url)), 'utf8');

let generated: any;
beforeAll(async () => {
  generated = await generatedClient();
}, 600_000);

let pool: Pool;
let prisma: any;
const clients: any[] = [];
const client = (adapter: PrismaAiosqlite, options = {}) => {
  const made = new generated.PrismaClient({ adapter, ...options });
  clients.push(made);
  return made;
};
beforeEach(async () => {
  pool = on.pool();
  await pool.exec(schema);
  prisma = client(new PrismaAiosqlite(pool));
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.$disconnect()));
});

const ada = { email: 'ada@example.com', name: 'Ada' };

describe('models', () => {
  test('are created, read, updated, counted and deleted', async () => {
    const created = await prisma.user.create({ data: ada });
    expect(created).toEqual({
      id: 1,
      ...ada,
      role: 'reader',
      active: true,
      createdAt: expect.any(Date),
    });
    await prisma.user.createMany({ data: Array.from({ length: 30 }, (_, i) => ({ email: `u${i}@example.com` })) });
    expect(await prisma.user.findUnique({ where: { email: ada.email } })).toEqual(created);
    expect(await prisma.user.findUnique({ where: { email: 'nobody' } })).toBeNull();
    const page = await prisma.user.findMany({
      where: { OR: [{ email: { startsWith: 'u' } }, { name: { contains: 'zz' } }], active: true },
      orderBy: { id: 'desc' },
      take: 3,
      skip: 2,
      select: { email: true },
    });
    expect(page).toEqual([{ email: 'u27@example.com' }, { email: 'u26@example.com' }, { email: 'u25@example.com' }]);
    const after = await prisma.user.findMany({ cursor: { id: 10 }, skip: 1, take: 2, orderBy: { id: 'asc' } });
    expect(after.map(({ id }: any) => id)).toEqual([11, 12]);
    expect(await prisma.user.count({ where: { id: { in: [1, 2, 3, 999] } } })).toBe(3);
    expect(await prisma.user.update({ where: { id: 1 }, data: { role: 'writer', name: null } })).toMatchObject({
      role: 'writer',
      name: null,
    });
    expect(await prisma.user.updateMany({ where: { id: { gt: 20 } }, data: { active: false } })).toEqual({ count: 11 });
    const upsert = (name: string) =>
      prisma.user.upsert({
        where: { email: 'up@example.com' },
        create: { email: 'up@example.com', name },
        update: { name },
      });
    expect([(await upsert('a')).name, (await upsert('b')).name]).toEqual(['a', 'b']);
    expect(await prisma.user.delete({ where: { id: 1 } })).toMatchObject({ email: ada.email });
    expect(await prisma.user.deleteMany({ where: { active: false } })).toEqual({ count: 11 });
    const both = await prisma.tag.createManyAndReturn({ data: [{ name: 'x' }, { name: 'y' }] });
    expect(both).toEqual([{ name: 'x' }, { name: 'y' }]);
  });

  test('are related: nested writes, includes, many to many, cascades, groups', async () => {
    const user = await prisma.user.create({
      data: {
        ...ada,
        profile: { create: { bio: 'Mathematician' } },
        posts: {
          create: [
            {
              title: 'Notes',
              views: 7,
              tags: { connectOrCreate: { where: { name: 'sql' }, create: { name: 'sql' } } },
            },
            { title: 'Engines', views: 3, tags: { create: [{ name: 'math' }] } },
          ],
        },
      },
      include: { profile: true, posts: { include: { tags: true }, orderBy: { title: 'asc' } } },
    });
    expect(user.profile.bio).toBe('Mathematician');
    expect(user.posts.map(({ title, tags }: any) => [title, tags])).toEqual([
      ['Engines', [{ name: 'math' }]],
      ['Notes', [{ name: 'sql' }]],
    ]);
    await prisma.post.update({
      where: { authorId_title: { authorId: user.id, title: 'Notes' } },
      data: { tags: { connect: { name: 'math' }, disconnect: { name: 'sql' } }, views: { increment: 5 } },
    });
    expect(
      await prisma.tag.findMany({ include: { _count: { select: { posts: true } } }, orderBy: { name: 'asc' } }),
    ).toEqual([
      { name: 'math', _count: { posts: 2 } },
      { name: 'sql', _count: { posts: 0 } },
    ]);
    expect(
      await prisma.user.findMany({ where: { posts: { some: { tags: { some: { name: 'math' } } } } } }),
    ).toHaveLength(1);
    expect(
      await prisma.post.aggregate({ _sum: { views: true }, _avg: { views: true }, _max: { title: true } }),
    ).toEqual({
      _sum: { views: 15 },
      _avg: { views: 7.5 },
      _max: { title: 'Notes' },
    });
    expect(await prisma.post.groupBy({ by: ['authorId'], _count: { _all: true } })).toEqual([
      { authorId: user.id, _count: { _all: 2 } },
    ]);
    await prisma.post.deleteMany();
    await prisma.user.delete({ where: { id: user.id } });
    expect(await prisma.profile.count()).toBe(0);
  });

  test('with more values than one statement takes are read in parts', async () => {
    await prisma.tag.createMany({ data: Array.from({ length: 33_000 }, (_, i) => ({ name: `t${i}` })) });
    const name = { in: Array.from({ length: 33_000 }, (_, i) => `t${i}`) };
    expect(await prisma.tag.count()).toBe(33_000);
    expect(await prisma.tag.findMany({ where: { name } })).toHaveLength(33_000);
  });
});

describe('values', () => {
  const rows = [
    { int: 2147483647, big: 9223372036854775807n, float: 1.5, decimal: '123.45', yes: true, text: 'é\u0000𝄞' },
    { int: -2147483648, big: -9223372036854775808n, float: -0.1, decimal: '-0.5', yes: false, text: '' },
    {
      int: 0,
      big: 9007199254740993n,
      float: 3,
      decimal: '7',
      json: { a: [1, null, 'x'] },
      bytes: new Uint8Array([0, 255, 128]),
    },
    { at: new Date('2026-02-03T04:05:06.789Z'), json: 'text', bytes: new Uint8Array() },
    { at: new Date(0), json: [true] },
  ];

  test.each(['iso8601', 'unixepoch-ms'] as const)(
    'come back as they were, with times as %s',
    async (timestampFormat) => {
      const other = client(new PrismaAiosqlite(pool, { timestampFormat }));
      for (const data of rows) {
        const { id } = await other.value.create({ data });
        const found = await other.value.findUnique({ where: { id } });
        expect({ ...found, decimal: found.decimal?.toString() ?? null }).toEqual({
          ...{
            id,
            int: null,
            big: null,
            float: null,
            decimal: null,
            yes: null,
            text: null,
            at: null,
            json: null,
            bytes: null,
          },
          ...data,
        });
      }
      expect(await other.value.count({ where: { at: { gte: new Date('2026-02-03T04:05:06.789Z') } } })).toBe(1);
      expect(await other.value.count({ where: { big: { gt: 9007199254740992n } } })).toBe(2);
      expect(await other.value.count({ where: { decimal: { lt: '7.5' } } })).toBe(2);
      expect(await other.value.count({ where: { bytes: new Uint8Array([0, 255, 128]) } })).toBe(1);
      const stored = await pool.get('SELECT typeof(at) AS type FROM Value WHERE at IS NOT NULL');
      expect(stored).toEqual({ type: timestampFormat === 'iso8601' ? 'text' : 'integer' });
    },
  );

  test('of times are read in every form that a file may have', async () => {
    const at = new Date('2026-02-03T04:05:06.000Z');
    for (const text of [
      "'2026-02-03T04:05:06.000+00:00'",
      "'2026-02-03 04:05:06'",
      "'2026-02-03T04:05:06Z'",
      String(+at),
    ]) {
      await pool.exec(`INSERT OR REPLACE INTO Value (id, at) VALUES ('x', ${text})`);
      expect(await prisma.value.findUnique({ where: { id: 'x' } })).toMatchObject({ at });
      expect(await prisma.$queryRaw`SELECT at FROM Value`).toEqual([{ at }]);
    }
  });

  test('of raw queries have the types of their columns, or else of what is there', async () => {
    const { id } = await prisma.value.create({ data: { ...rows[2], yes: true, at: new Date(5), text: 'x' } });
    const expected = {
      id,
      int: 0,
      big: 9007199254740993n,
      float: 3,
      yes: true,
      text: 'x',
      at: new Date(5),
      ...rows[2],
    };
    const raw = async (db: any) => {
      const [row] = await db.$queryRaw`SELECT * FROM Value WHERE id = ${id}`;
      return { ...row, decimal: row.decimal.toString() };
    };
    expect(await raw(prisma)).toEqual(expected);
    expect(await prisma.$transaction((tx: any) => raw(tx))).toEqual(expected);
    expect(
      await prisma.$queryRaw`SELECT 1 AS i, 1.5 AS f, 'x' AS t, x'00ff' AS b, NULL AS n, ${2n ** 60n} AS g`,
    ).toEqual([{ i: 1, f: 1.5, t: 'x', b: new Uint8Array([0, 255]), n: null, g: 2n ** 60n }]);
    // A column may hold anything: a number that is not whole is not cut off.
    await pool.exec("UPDATE Value SET int = 1.5, yes = 7, at = 'soon', json = 3");
    expect(await prisma.$queryRaw`SELECT int, yes, at, json FROM Value`).toEqual([
      { int: 1.5, yes: 7, at: 'soon', json: 3 },
    ]);
    expect(await prisma.$queryRaw`SELECT * FROM Value WHERE id = 'none'`).toEqual([]);
    expect(await prisma.$executeRaw`UPDATE Value SET int = 1`).toBe(1);
    expect(await prisma.$queryRawUnsafe('SELECT int FROM Value WHERE id = ?', id)).toEqual([{ int: 1 }]);
  });
});

describe('errors', () => {
  const code = async (work: Promise<unknown>) => {
    const error = await rejection(work);
    return [error.code, error.meta?.driverAdapterError?.cause?.constraint];
  };

  test('have the codes of Prisma, and name the fields', async () => {
    const user = await prisma.user.create({ data: { ...ada, posts: { create: { title: 'Notes' } } } });
    expect(await code(prisma.user.create({ data: ada }))).toEqual(['P2002', { fields: ['email'] }]);
    expect(await code(prisma.post.create({ data: { title: 'Notes', authorId: user.id } }))).toEqual([
      'P2002',
      { fields: ['authorId', 'title'] },
    ]);
    expect(await code(prisma.tag.createMany({ data: [{ name: 'a' }, { name: 'a' }] }))).toEqual([
      'P2002',
      { fields: ['name'] },
    ]);
    expect(await prisma.tag.count()).toBe(0);
    expect(await code(prisma.post.create({ data: { title: 'x', authorId: 999 } }))).toEqual([
      'P2003',
      { foreignKey: {} },
    ]);
    expect((await code(prisma.user.delete({ where: { id: user.id } })))[0]).toBe('P2003');
    await pool.exec("CREATE TRIGGER own BEFORE DELETE ON Tag BEGIN SELECT raise(ABORT, 'tags stay'); END");
    await prisma.tag.create({ data: { name: 'stays' } });
    expect(await rejection(prisma.tag.deleteMany())).toMatchObject({ message: expect.stringContaining('tags stay') });
    expect((await code(prisma.user.update({ where: { id: 999 }, data: { name: 'x' } })))[0]).toBe('P2025');
    expect((await code(prisma.missing.findMany()))[0]).toBe('P2021');
    await pool.exec('ALTER TABLE User DROP COLUMN name');
    expect((await code(prisma.user.findMany()))[0]).toBe('P2022');
    await pool.exec('CREATE UNIQUE INDEX lower_name ON Tag (lower(name))');
    await prisma.tag.create({ data: { name: 'a' } });
    expect(await code(prisma.tag.create({ data: { name: 'A' } }))).toEqual(['P2002', { index: 'lower_name' }]);
  });

  test('of raw queries say what SQLite says, without values', async () => {
    await prisma.user.create({ data: ada });
    const error = await rejection(prisma.$executeRaw`INSERT INTO User (email) VALUES (${ada.email})`);
    expect(error).toMatchObject({
      code: 'P2010',
      message: expect.stringContaining('UNIQUE constraint failed: User.email'),
    });
    expect(error.message).not.toContain(ada.email);
    expect(await rejection(prisma.$queryRawUnsafe('SELEC 1'))).toMatchObject({ code: 'P2010' });
    expect(await rejection(prisma.$executeRaw`INSERT INTO User (email) VALUES (NULL)`)).toMatchObject({
      message: expect.stringContaining('NOT NULL constraint failed: User.email'),
    });
  });

  test('of a lock that another process holds too long are a timeout', async () => {
    const impatient = client(new PrismaAiosqlite(on.file(), { busyTimeoutMs: 50 }));
    await pool.transaction(async () => {
      expect(await rejection(impatient.user.create({ data: ada }))).toMatchObject({ code: 'P1008' });
    });
    await impatient.user.create({ data: ada });
  });
});

describe('transactions', () => {
  test('commit what they did, or nothing', async () => {
    const made = await prisma.$transaction(async (tx: any) => {
      const user = await tx.user.create({ data: ada });
      await tx.post.create({ data: { title: 'one', authorId: user.id } });
      expect(await tx.post.count()).toBe(1);
      expect(await prisma.post.count()).toBe(0); // a reader of the pool
      return user;
    });
    expect(await prisma.post.count()).toBe(1);
    const failure = prisma.$transaction(async (tx: any) => {
      await tx.post.deleteMany();
      await tx.user.delete({ where: { id: made.id } });
      throw new Error('no');
    });
    expect(await rejection(failure)).toMatchObject({ message: 'no' });
    expect([await prisma.post.count(), await prisma.user.count()]).toEqual([1, 1]);
  });

  test('of a list are all or nothing', async () => {
    const [user, count] = await prisma.$transaction([prisma.user.create({ data: ada }), prisma.user.count()]);
    expect([user.email, count]).toEqual([ada.email, 1]);
    const work = prisma.$transaction([prisma.tag.create({ data: { name: 'a' } }), prisma.user.create({ data: ada })]);
    expect(await rejection(work)).toMatchObject({ code: 'P2002' });
    expect(await prisma.tag.count()).toBe(0);
  });

  test('go on after a statement that failed, as in SQLite', async () => {
    await prisma.tag.create({ data: { name: 'a' } });
    await prisma.$transaction(async (tx: any) => {
      await tx.tag.create({ data: { name: 'b' } });
      expect(await rejection(tx.tag.create({ data: { name: 'a' } }))).toMatchObject({ code: 'P2002' });
      await tx.tag.create({ data: { name: 'c' } });
    });
    expect(await prisma.tag.count()).toBe(3);
  });

  test('run one after another, and none is lost', async () => {
    const { id } = await prisma.post.create({ data: { title: 't', author: { create: ada } } });
    const increment = () =>
      prisma.$transaction(
        async (tx: any) => {
          const { views } = await tx.post.findUnique({ where: { id } });
          await tx.post.update({ where: { id }, data: { views: views + 1 } });
        },
        { maxWait: 60_000, timeout: 60_000 },
      );
    await Promise.all(Array.from({ length: 25 }, increment));
    expect(await prisma.post.findUnique({ where: { id } })).toMatchObject({ views: 25 });
  });

  test('that take too long are rolled back, and give the writer back', async () => {
    const slow = prisma.$transaction(
      async (tx: any) => {
        await tx.tag.create({ data: { name: 'a' } });
        await new Promise((resolve) => setTimeout(resolve, 500));
        await tx.tag.create({ data: { name: 'b' } });
      },
      { timeout: 100 },
    );
    expect(await rejection(slow)).toMatchObject({ code: 'P2028' });
    await prisma.tag.create({ data: { name: 'c' } });
    expect(await prisma.tag.findMany()).toEqual([{ name: 'c' }]);
  });

  test('know one level of isolation', async () => {
    const work = async (tx: any) => tx.tag.count();
    expect(await prisma.$transaction(work, { isolationLevel: 'Serializable' })).toBe(0);
  });

  test('have tables of their own', async () => {
    await prisma.$transaction(async (tx: any) => {
      await tx.$executeRaw`CREATE TABLE own (at DATETIME)`;
      await tx.$executeRaw`INSERT INTO own VALUES (${new Date(7)})`;
      expect(await tx.$queryRaw`SELECT at FROM own`).toEqual([{ at: new Date(7) }]);
    });
  });
});

describe('the database', () => {
  test('is opened by the client, closed by $disconnect(), and opened again by the next query', async () => {
    const own = client(new PrismaAiosqlite({ database: on.file(), poolSize: 2 }));
    await own.tag.create({ data: { name: 'a' } });
    await own.$disconnect();
    expect(await own.tag.count()).toBe(1);
    await own.$disconnect();
    await prisma.$disconnect(); // the pool of the program stays open
    expect(await pool.get('SELECT name FROM Tag')).toEqual({ name: 'a' });
  });

  test.each<[string, () => Promise<PrismaAiosqlite>]>([
    ["a 'file:' URI", async () => new PrismaAiosqlite(`file:${on.file('other.db')}`)],
    ['a URL', async () => new PrismaAiosqlite(new URL(`file://${on.file('other.db')}`))],
    [
      'a path with options',
      async () => new PrismaAiosqlite(on.file('other.db'), { poolSize: 2, timestampFormat: 'iso8601' }),
    ],
    ['a connection', async () => new PrismaAiosqlite(await on.connect({}, on.file('other.db')))],
    ['memory', async () => new PrismaAiosqlite(':memory:')],
  ])('may be %s', async (_, adapter) => {
    const db = client(await adapter());
    for (const statement of schema.split(';').slice(0, -1)) await db.$executeRawUnsafe(statement);
    await db.user.create({ data: { ...ada, posts: { create: { title: 'x' } } } });
    await db.$transaction(async (tx: any) => {
      await tx.post.updateMany({ data: { views: 5 } });
      expect(await tx.$queryRaw`SELECT createdAt FROM User`).toEqual([{ createdAt: expect.any(Date) }]);
    });
    expect(await db.user.findFirst({ include: { posts: true } })).toMatchObject({ posts: [{ views: 5 }] });
  });

  test('never blocks the event loop, and reads run beside each other', async () => {
    let turns = 0;
    let running = true;
    const turn = () => {
      turns++;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    const long = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) AS c FROM n`;
    const results = await Promise.all([prisma.$queryRawUnsafe(long), prisma.$queryRawUnsafe(long)]);
    running = false;
    expect(results).toEqual([[{ c: 300000 }], [{ c: 300000 }]]);
    expect(turns).toBeGreaterThan(20); // one for each row of code above, were it to block
  });
});

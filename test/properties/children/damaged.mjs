// Opens damaged databases: damaged.mjs FOLDER SEED COUNT. Of each template in FOLDER (NAME.db, with -wal or -journal beside
// it if there is one) it makes COUNT damaged copies, four times as many of one that stands alone, does with each whatever a
// program might do, and prints what came of it as JSON. The number of the copy is printed before: should it crash, that
// names the copy.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { connect } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';
import fc from 'fast-check';

const [, , folder = '', seed, count] = process.argv;
const SUFFIXES = ['', '-wal', '-journal'];

/** What one thing does to bytes. `at` is a share of the length, so that it fits files of any size. */
const at = fc.oneof(
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  fc.double({ min: 0, max: 0.05, noNaN: true }),
);
const damage = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('flip'), at, value: fc.integer({ min: 1, max: 255 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('set'), at, value: fc.constantFrom(0, 0xff, 0x7f, 0x80, 1, 5, 13) }),
  },
  // The first bytes of a page say what it is and where its cells are.
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('page header'),
      at,
      value: fc.nat({ max: 255 }),
      offset: fc.nat({ max: 40 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('file header'),
      at: fc.constant(0),
      value: fc.nat({ max: 255 }),
      offset: fc.nat({ max: 99 }),
    }),
  },
  // Records of the store: JSON, and the header before it that says what the columns are.
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('json'),
      at,
      value: fc.nat({ max: 255 }),
      offset: fc.integer({ min: -90, max: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate'), at, value: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('copy page'), at, value: fc.nat({ max: 255 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('zero page'), at, value: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('append'), at, value: fc.nat({ max: 255 }) }) },
);
const PAGE = 1024;
const copies = fc.record({
  /** Which of the files, by index. */
  file: fc.nat({ max: SUFFIXES.length - 1 }),
  damages: fc.array(damage, { minLength: 1, maxLength: 30 }),
});

/** @param {Buffer} given @param {{ kind: string, at: number, value: number, offset?: number }} how */
function apply(given, { kind, at: share, value, offset = 0 }) {
  const bytes = Buffer.from(given);
  if (bytes.length === 0) return bytes;
  const index = Math.floor(share * bytes.length);
  const page = index - (index % PAGE);
  if (kind === 'flip') bytes[index] = (bytes[index] ?? 0) ^ value;
  else if (kind === 'set') bytes[index] = value;
  else if (kind === 'page header') bytes[Math.min(page + offset + (page === 0 ? 100 : 0), bytes.length - 1)] = value;
  else if (kind === 'file header') bytes[Math.min(offset, bytes.length - 1)] = value;
  else if (kind === 'json') bytes[Math.max(bytes.indexOf('{"', index) + offset, 0)] = value;
  else if (kind === 'truncate') return bytes.subarray(0, index);
  else if (kind === 'zero page') bytes.fill(0, page, Math.min(page + PAGE, bytes.length));
  else if (kind === 'append') return Buffer.concat([bytes, Buffer.alloc(index % (3 * PAGE), value)]);
  else bytes.copy(bytes, ((value * PAGE) % bytes.length) - (((value * PAGE) % bytes.length) % PAGE), page, page + PAGE);
  return bytes;
}

/** @type {Record<string, number>} */
const outcomes = {};
/** @type {string[]} */
const unexpected = [];
let calls = 0;

/** @param {string} what @param {() => Promise<unknown>} call */
async function attempt(what, call) {
  calls += 1;
  let outcome = 'ok';
  try {
    await call();
  } catch (error) {
    const { code, name } = /** @type {{ code?: unknown, name?: unknown }} */ (error);
    outcome = String(code);
    // Anything without a code of SQLite or of the store is a fault of ours.
    if (!/^(SQLITE_|ADK_|ERR_TIMEOUT)/.test(outcome)) {
      unexpected.push(`${what}: ${name} ${code} ${/** @type {Error} */ (error).stack}`);
    }
  }
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}

/** @param {string} file */
async function useDriver(file) {
  const options = { timeoutMs: 5_000 };
  const db = await connect(file, { busyTimeoutMs: 100, synchronous: 'off' });
  try {
    await attempt('integrityCheck', () => db.integrityCheck());
    /** @type {{ name: string }[]} */
    let tables = [];
    await attempt('schema', async () => {
      tables = await db.all("SELECT name FROM sqlite_schema WHERE type = 'table'", [], options);
    });
    for (const { name } of tables) {
      const table = `"${String(name).replaceAll('"', '""').replaceAll('\0', '')}"`;
      await attempt('read', () => db.all(`SELECT * FROM ${table}`, [], options));
      await attempt('iterate', async () => {
        for await (const _ of db.iterate(`SELECT rowid, * FROM ${table} ORDER BY 2 DESC`, [], options));
      });
      await attempt('update', () => db.run(`UPDATE ${table} SET rowid = rowid + 1 WHERE rowid % 7 = 1`, [], options));
      await attempt('delete', () => db.run(`DELETE FROM ${table} WHERE rowid % 5 = 1`, [], options));
    }
    await attempt('search', () => db.all("SELECT * FROM note WHERE note MATCH 'word* OR text'", [], options));
    await attempt('blob', async () => {
      const blob = await db.openBlob({ table: 'adk_events', column: 'actions', rowid: 3 });
      await blob.read(0, blob.size).finally(() => blob.close());
    });
    await attempt('dump', async () => {
      for await (const _ of db.dump());
    });
    await attempt('serialize', () => db.serialize());
    await attempt('backup', () => db.backup(`${file}.copy`));
    await attempt('vacuum', () => db.exec('VACUUM', options));
  } finally {
    await db.close();
  }
}

/** @param {string} file */
async function useService(file) {
  const service = new SqliteSessionService({
    database: file,
    poolSize: 2,
    busyTimeoutMs: 100,
    synchronous: 'off',
    operationTimeoutMs: 5_000,
  });
  try {
    for (const sessionId of ['s0', 's1', 's2', 's3']) {
      await attempt('get', () => service.getSession({ appName: 'app', userId: 'ada', sessionId }));
    }
    await attempt('list', () => service.listSessions({ appName: 'app' }));
    for (const sessionId of ['s0', 's1', 'new']) {
      const key = { appName: 'app', userId: 'ada', sessionId };
      await attempt('getOrCreate', async () => {
        const session = await service.getOrCreateSession(key);
        const event = /** @type {any} */ ({
          id: 'e3',
          author: 'user',
          invocationId: 'i',
          timestamp: 1,
          actions: { stateDelta: { a: 1, 'app:b': 2, 'user:c': 3 } },
        });
        await service.appendEvent({ session, event });
        await service.appendEvent({ session, event: { ...event, id: 'new' } });
      });
      await attempt('delete', () => service.deleteSession(key));
    }
  } finally {
    await service.close();
  }
}

const templates = readdirSync(folder).filter((name) => /^\w+\.db$/.test(name));
for (const name of templates) {
  const originals = SUFFIXES.map((suffix) =>
    existsSync(join(folder, name + suffix)) ? readFileSync(join(folder, name + suffix)) : undefined,
  );
  // A journal is played back over damage in the database, and a damaged WAL is not read: most is tried without them.
  const numRuns = Number(count) * (originals.filter(Boolean).length === 1 ? 4 : 1);
  for (const [i, { file, damages }] of fc.sample(copies, { seed: Number(seed), numRuns }).entries()) {
    console.log(`${name} ${i}`);
    for (const use of [useDriver, useService]) {
      const copy = join(folder, `damaged-${process.pid}.db`);
      const target = originals[file] ? file : 0;
      for (const [index, original] of originals.entries()) {
        if (original)
          writeFileSync(copy + SUFFIXES[index], index === target ? damages.reduce(apply, original) : original);
      }
      await attempt('open', () => use(copy));
      for (const suffix of ['', '-wal', '-shm', '-journal', '.copy']) rmSync(copy + suffix, { force: true });
    }
  }
}
console.log(JSON.stringify({ calls, outcomes, unexpected }));

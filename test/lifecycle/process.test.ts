import { connect } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';

const on = databases();
const child = (name: string) => new URL(`children/${name}`, import.meta.url);

describe('a process', () => {
  test.each([
    ['jobs in flight', 'counted 2000000\ncreated\n'],
    ['a transaction in flight', 'committed\n'],
    ['a pool in flight', 'counted 2000000\n'],
    ['closing', 'closed\n'],
    ['a lease that others wait for', 'ERR_POOL_TIMEOUT\n'],
  ])('with %s stays alive until they are done, and then ends', async (what, stdout) => {
    const end = await run(child('alive.mjs'), [what, on.file()]);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null, stdout });
  });

  // prlimit and such limits are Linux's own.
  test.runIf(process.platform === 'linux')('for which there is no thread gets an error, and goes on', async () => {
    const end = await run(child('no-thread.mjs'), [on.file()]);
    const none = 'AiosqliteError ERR_NO_THREAD';
    expect(end, end.stderr).toMatchObject({
      code: 0,
      signal: null,
      stdout: [none, `${none} ${none}`, `ok ${none}`, 'ok', ''].join('\n'),
    });
  });

  // A sanitizer has an allocator of its own, that ends the process.
  test.runIf(process.platform === 'linux' && process.env.ASAN_OPTIONS === undefined)(
    'for which there is no memory for a row gets an error, has written nothing, and goes on',
    async () => {
      const end = await run(child('no-memory.mjs'), [on.file()]);
      expect(end, end.stderr).toMatchObject({
        code: 0,
        signal: null,
        stdout: ['SQLITE_NOMEM', 'SQLITE_NOMEM', 'SQLITE_NOMEM', '0 rows', ''].join('\n'),
      });
    },
  );

  test('whose calls are made where the stack is used up goes on, and mixes nothing up', async () => {
    const end = await run(child('no-stack.mjs'), [on.file()]);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(end.stdout)).toEqual({ failed: true, wrong: 0, last: { x: 1 } });
  });

  test('with open connections, pools and leases that are idle ends by itself', async () => {
    const end = await run(child('alive.mjs'), ['idle', on.file()]);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null, stdout: 'idle\n' });
  });
});

describe('garbage collection', () => {
  const forget = async (what: string) => {
    const end = await run(child('forget.mjs'), [what, on.file()], ['--expose-gc', '--no-warnings']);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    return JSON.parse(end.stdout);
  };

  test('frees connections that were dropped without close(), their threads too, and a warning names them', async () => {
    const { warnings, threads } = await forget('connections');
    expect(warnings).toHaveLength(10);
    for (const warning of warnings) {
      expect(warning).toContain('AiosqliteWarning');
      expect(warning).toContain(on.file());
    }
    expect(threads).toBeLessThanOrEqual(0);
  });

  test('frees pools that were dropped without close(), their threads too; one that has opened nothing is no matter', async () => {
    const { warnings, threads } = await forget('pools');
    expect(warnings).toEqual(
      Array(3).fill(`AiosqliteWarning: A pool over ${on.file()} was garbage-collected without close()`),
    );
    expect(threads).toBeLessThanOrEqual(0);
  });

  test('gives back leases that were dropped without release(), and a warning names them', async () => {
    const { warnings, read, rows } = await forget('leases');
    expect(warnings).toHaveLength(2);
    for (const warning of warnings) {
      expect(warning).toContain('AiosqliteWarning');
      expect(warning).toContain(on.file());
    }
    expect(read).toEqual({ n: 3 });
    expect(rows).toEqual([{ x: 2 }]);
  });

  test('frees connections that their own listeners and functions refer to', async () => {
    const { warnings, threads } = await forget('connections that know themselves');
    expect(warnings).toHaveLength(2);
    expect(threads).toBeLessThanOrEqual(0);
  });

  test('says nothing of what was closed', async () => {
    expect(await forget('a closed connection')).toEqual({ warnings: [] });
  });

  test('does not touch a call in flight', async () => {
    const { row, warnings } = await forget('a connection with a call in flight');
    expect(row).toEqual({ n: 1_000_000 });
    expect(warnings).toHaveLength(1);
  });
});

describe('worker threads', () => {
  test('and the main thread each have connections of their own to one file', async () => {
    const end = await run(child('threads.mjs'), [4, on.file()]);
    expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(end.stdout)).toEqual({ n: 500, codes: [0, 0, 0, 0] });
  });
});

describe('two processes on one file', () => {
  test('write 200 times each on default settings: never "database is locked", and nothing is lost', async () => {
    const ends = await Promise.all(['a', 'b'].map((who) => run(child('contend.mjs'), [on.file(), who, 200])));
    for (const end of ends) {
      expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
      expect(JSON.parse(end.stdout)).toEqual([]);
    }
    const db = await on.connect();
    expect(await db.all('SELECT who, count(*) AS n FROM t GROUP BY who')).toEqual([
      { who: 'a', n: 200 },
      { who: 'b', n: 200 },
    ]);
  });

  test('create the same new file at the same moment', async () => {
    for (let round = 0; round < 3; round++) {
      const file = on.file(`${round}.db`);
      const ends = await Promise.all(['a', 'b', 'c'].map((who) => run(child('contend.mjs'), [file, who, 5])));
      for (const end of ends) expect(JSON.parse(end.stdout), end.stderr).toEqual([]);
      await using db = await connect(file);
      expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 15 });
      expect(await db.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
    }
  });
});

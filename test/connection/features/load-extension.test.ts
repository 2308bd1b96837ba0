import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from 'aiosqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
const compiler = process.env.CC ?? 'cc';
const canCompile = process.platform !== 'win32' && spawnSync(compiler, ['--version']).status === 0;
const suffix = process.platform === 'darwin' ? '.dylib' : '.so';

let folder = '';
let library = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-extension-'));
  library = join(folder, `tiny${suffix}`);
  if (!canCompile) return;
  const headers = join(
    dirname(createRequire(import.meta.url).resolve('@photostructure/sqlite/package.json')),
    'src',
    'upstream',
  );
  const source = fileURLToPath(new URL('support/extension.c', import.meta.url));
  const { status, stderr } = spawnSync(compiler, ['-shared', '-fPIC', `-I${headers}`, '-o', library, source], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compiled = test.skipIf(!canCompile);
const opened = (options = {}) => on.connect({ allowExtensions: true, ...options }, ':memory:');

describe('loadExtension()', () => {
  compiled('loads an extension, with its suffix and without', async () => {
    for (const path of [library, library.slice(0, -suffix.length)]) {
      const db = await opened();
      await db.loadExtension(path);
      expect(await db.get('SELECT hello() AS x')).toEqual({ x: 'hello from C' });
    }
  });

  compiled('through another entry point', async () => {
    const db = await opened();
    await db.loadExtension(library, 'goodbye_init');
    expect(await db.get('SELECT goodbye() AS x')).toEqual({ x: 'goodbye from C' });
    expect(await rejection(db.get('SELECT hello()'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  compiled('on one connection, and on no other', async () => {
    const [db, other] = [await opened(), await opened()];
    await db.loadExtension(library);
    expect(await rejection(other.get('SELECT hello()'))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  compiled('is refused unless the connection allows it: ERR_EXTENSIONS_DISABLED', async () => {
    for (const options of [{ allowExtensions: false }, { allowExtensions: undefined as never }]) {
      const db = await opened(options);
      const error = await rejection(db.loadExtension(library));
      expect(error).toMatchObject({ name: 'AiosqliteError', code: 'ERR_EXTENSIONS_DISABLED' });
      expect(await rejection(db.get('SELECT hello()'))).toMatchObject({ code: 'SQLITE_ERROR' });
    }
  });

  compiled('never through SQL, allowed or not, before and after one was loaded', async () => {
    for (const allowExtensions of [false, true]) {
      const db = await opened({ allowExtensions });
      const load = () => rejection(db.get('SELECT load_extension(?)', [library]));
      expect(await load()).toMatchObject({ name: 'SqliteError', code: 'SQLITE_ERROR', message: 'not authorized' });
      if (allowExtensions) await db.loadExtension(library, 'goodbye_init');
      await rejection(db.loadExtension(join(folder, 'nothing'))).catch(() => {});
      expect(await load()).toMatchObject({ code: 'SQLITE_ERROR', message: 'not authorized' });
      expect(await rejection(db.get('SELECT hello()'))).toMatchObject({ code: 'SQLITE_ERROR' });
    }
  });

  compiled('tells why an extension does not load, and the connection goes on', async () => {
    const db = await opened();
    expect(await rejection(db.loadExtension(library, 'failing_init'))).toMatchObject({
      name: 'SqliteError',
      code: 'SQLITE_ERROR',
      message: expect.stringContaining('does not want to'),
    });
    expect(await rejection(db.loadExtension(library, 'no_such_init'))).toMatchObject({ code: 'SQLITE_ERROR' });
    await db.loadExtension(library);
    expect(await db.get('SELECT hello() AS x')).toEqual({ x: 'hello from C' });
  });

  test('rejects what is not there, and what is no extension', async () => {
    const db = await opened();
    const text = join(folder, `text${suffix}`);
    writeFileSync(text, 'This is no library.');
    for (const path of [
      join(folder, 'nothing'),
      text,
      folder,
      '/',
      '../../../../nothing',
      "'; DROP TABLE t; --",
      'ä😀',
    ]) {
      expect(await rejection(db.loadExtension(path)), path).toMatchObject({
        name: 'SqliteError',
        code: 'SQLITE_ERROR',
      });
    }
    expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });

  test.each([
    ['no path', undefined, undefined, 'ERR_INVALID_ARG_TYPE'],
    ['a path that is no text', 1, undefined, 'ERR_INVALID_ARG_TYPE'],
    ['an empty path, which would be this program itself', '', undefined, 'ERR_OUT_OF_RANGE'],
    ['a path with U+0000', 'a\0b', undefined, 'ERR_OUT_OF_RANGE'],
    ['an entry point that is no text', 'a', 1, 'ERR_INVALID_ARG_TYPE'],
    ['an entry point with U+0000', 'a', 'b\0c', 'ERR_OUT_OF_RANGE'],
  ])('%s rejects', async (_, path, entryPoint, code) => {
    const db = await opened();
    expect(await rejection(db.loadExtension(path as never, entryPoint as never))).toMatchObject({ code });
  });

  compiled('through a lease ends with the lease', async () => {
    const pool = on.pool({ poolSize: 2, allowExtensions: true });
    await pool.withConnection(async (db) => {
      await db.loadExtension(library);
      expect(await db.get('SELECT hello() AS x')).toEqual({ x: 'hello from C' });
    });
    await pool.withConnection(async (db) =>
      expect(await rejection(db.get('SELECT hello()'))).toMatchObject({ code: 'SQLITE_ERROR' }),
    );
  });
});

describe('the option `extensions`', () => {
  compiled('loads on every connection as it opens, and implies nothing for loadExtension()', async () => {
    const db = await on.connect({ extensions: [library] });
    expect(await db.get('SELECT hello() AS x')).toEqual({ x: 'hello from C' });
    expect(await rejection(db.loadExtension(library))).toMatchObject({ code: 'ERR_EXTENSIONS_DISABLED' });
    expect(await rejection(db.get('SELECT load_extension(?)', [library]))).toMatchObject({ message: 'not authorized' });
    const pool = on.pool({ poolSize: 4, extensions: [library] });
    const rows = await Promise.all([1, 2, 3, 4].map(() => pool.get('SELECT hello() AS x')));
    expect(rows).toEqual(rows.map(() => ({ x: 'hello from C' })));
    await pool.exec('CREATE TABLE t (x)');
    await pool.run('INSERT INTO t VALUES (hello())');
  });

  test('that does not load is an error of connect(), and of the call on a pool', async () => {
    const extensions = [join(folder, 'nothing')];
    expect(await rejection(connect(':memory:', { extensions }))).toMatchObject({
      name: 'SqliteError',
      code: 'SQLITE_ERROR',
    });
    expect(await rejection(on.pool({ extensions }).get('SELECT 1'))).toMatchObject({
      name: 'SqliteError',
      code: 'SQLITE_ERROR',
    });
  });
});

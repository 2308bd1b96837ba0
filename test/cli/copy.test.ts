import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectEqual, fill, HARD, key } from '../store/copy/fixtures.js';
import { event } from '../store/fixtures.js';
import { describePostgres, postgres, serverUrl } from '../support/postgres.js';
import { Running, run } from './support.js';

let folder = '';
let from = '';
let to = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-copy-test-'));
  from = join(folder, 'agent.db');
  to = join(folder, 'copy.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Work on the sessions of a file. */
async function onFile<T>(file: string, work: (store: SessionStore) => Promise<T>): Promise<T> {
  await using db = await connect(file, { journalMode: 'wal' });
  const store = new SessionStore(db);
  await store.createTables();
  return await work(store);
}

const EVENTS = 3 * HARD.length;
const lastLine = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1)!);

describe('aiosqlite copy', () => {
  test('copies a file, tells how much, and finds nothing to do the second time', async () => {
    await onFile(from, fill);
    const first = run(['copy', '--from', from, '--to', to, '--verify', '--json']);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(lastLine(first.stdout)).toEqual({
      sessions: { copied: 4, unchanged: 0, deleted: 0 },
      events: { copied: EVENTS },
      verified: { sessions: 4, events: EVENTS },
    });
    const second = run(['copy', '--from', from, '--to', to]);
    expect(second).toMatchObject({ status: 0, stderr: '' });
    expect(second.stdout).toBe('copied: 0 sessions with 0 events; 4 unchanged, 0 deleted\n');
    await onFile(from, (source) => onFile(to, (target) => expectEqual(source, target)));
  });

  test('the source stays as it is, byte for byte', async () => {
    await onFile(from, fill);
    const before = readFileSync(from);
    expect(run(['copy', '--from', from, '--to', to, '--verify']).status).toBe(0);
    expect(readFileSync(from).equals(before)).toBe(true);
  });

  test('--dry-run makes no file', async () => {
    await onFile(from, fill);
    const { status, stdout } = run(['copy', '--from', from, '--to', to, '--dry-run', '--json']);
    expect(status).toBe(0);
    expect(lastLine(stdout)).toEqual({ sessions: { copied: 4, unchanged: 0, deleted: 0 }, events: { copied: EVENTS } });
    expect(existsSync(to)).toBe(false);
  });

  test('a damaged session is named and left out, the others are copied, and the exit code is 1', async () => {
    await onFile(from, fill);
    await using db = await connect(from);
    await db.run("UPDATE adk_events SET content = '{broken' WHERE id = 'e3' AND session_id = 's1'");
    const { status, stdout } = run(['copy', '--from', from, '--to', to, '--json']);
    expect(status).toBe(1);
    expect(lastLine(stdout)).toMatchObject({
      sessions: { copied: 3 },
      refused: [
        { table: 'adk_sessions', row: 's1', reason: expect.stringMatching(/adk_events, key e3: column content/) },
      ],
    });
    expect(stdout).not.toContain('broken');
  });

  test.each([
    ['a missing file', () => ['--from', join(folder, 'none.db'), '--to', to], 1, 'there is no file'],
    ['a file without sessions', () => ['--from', join(folder, 'empty'), '--to', to], 1, 'holds no sessions'],
    ['a folder as target', () => ['--from', from, '--to', folder], 1, 'is no file'],
    ['no target', () => ['--from', from], 2, '--to'],
    ['a schema for a file', () => ['--from', from, '--to', to, '--to-schema', 'x'], 2, '--to-schema'],
    ['a URL that is none', () => ['--from', from, '--to', 'postgres:secret@x'], 2, '--to'],
    ['an unreachable server', () => ['--from', from, '--to', 'postgres://u:secret@127.0.0.1:1/x'], 1, 'PostgreSQL'],
  ])('%s ends it with one sentence', async (_, args, code, text) => {
    await onFile(from, fill);
    writeFileSync(join(folder, 'empty'), '');
    const { status, stderr, stdout } = run(['copy', ...args()]);
    expect({ status, stdout }).toEqual({ status: code, stdout: '' });
    expect(stderr).toContain(text);
    expect(stderr).not.toContain('secret');
  });

  test('--follow copies what is written meanwhile; SIGTERM makes a last pass and ends it with 0', async () => {
    await onFile(from, fill);
    await using copying = new Running(['copy', '--from', from, '--to', to, '--follow', '--json']);
    await onFile(from, async (source) => {
      await copying.until(() => existsSync(to));
      await onFile(to, async (target) => {
        await copying.until(() => copying.child.exitCode === null && existsSync(`${to}-wal`));
        while ((await target.countSessions({ appName: 'shop' })) < 3) await source.getSession(key('empty'));
        await source.appendEvent(event('live', key('empty')));
        while ((await target.getEvents(key('empty'))).length === 0) await source.getSession(key('empty'));
        await source.appendEvent(event('last', key('empty')));
      });
    });
    copying.child.kill('SIGTERM');
    expect(await copying.ended).toBe(0);
    expect(lastLine(copying.stdout)).toMatchObject({ sessions: { unchanged: expect.any(Number), deleted: 0 } });
    await onFile(from, (source) => onFile(to, (target) => expectEqual(source, target)));
  });
});

describePostgres('aiosqlite copy with PostgreSQL', () => {
  const at = postgres();

  test('moves a file there and back', async () => {
    await onFile(from, fill);
    const schema = at.schema();
    const there = run(['copy', '--from', from, '--to', serverUrl(), '--to-schema', schema, '--verify', '--json']);
    expect(there).toMatchObject({ status: 0, stderr: '' });
    expect(lastLine(there.stdout)).toMatchObject({ sessions: { copied: 4 }, verified: { sessions: 4 } });
    const back = run(['copy', '--from', serverUrl(), '--from-schema', schema, '--to', to, '--verify', '--json']);
    expect(lastLine(back.stdout)).toMatchObject({ sessions: { copied: 4 }, verified: { sessions: 4 } });
    await onFile(from, (source) => onFile(to, (target) => expectEqual(source, target)));
  });

  test.each([[[]], [['--dry-run']]])('names ids that PostgreSQL cannot hold, and ends with 2 %j', async (options) => {
    await onFile(from, async (store) => {
      await store.createSession(key('x'.repeat(801)));
      await store.createSession(key('nul\0'));
    });
    const schema = at.schema();
    const copy = ['copy', '--from', from, '--to', serverUrl(), '--to-schema', schema, '--json', ...options];
    const { status, stdout, stderr } = run(copy);
    expect(status).toBe(2);
    expect(stderr).toContain('nothing was copied');
    const rows: string[] = lastLine(stdout).refused.map(({ row }: { row: string }) => row);
    expect(rows.sort()).toEqual(['nul\0', 'x'.repeat(801)]);
  });
});

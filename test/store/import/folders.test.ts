import { cpSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileArtifactService } from '@google/adk';
import { SqliteArtifactService, SqliteSessionService } from 'aiosqlite/adk';
import { type ImportReport, importSessions, type SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { makeStore } from '../fixtures.js';
import { contentsOf, fixture } from './support.js';

const on = databases();
let store: SessionStore;
let root: string;
beforeEach(async () => {
  store = await makeStore(on.pool({ database: on.file('target.db') }));
  root = on.file('root');
});

const key = { appName: 'shop', userId: 'ada@example.org', sessionId: 's1' };

type Part = Parameters<FileArtifactService['saveArtifact']>[0]['artifact'];

const ARTIFACTS: [filename: string, parts: Part[]][] = [
  ['note.txt', [{ text: 'héllo' }, { text: 'second' }]],
  ['images/logo.png', [{ inlineData: { mimeType: 'image/png', data: Buffer.from([0, 255, 1]).toString('base64') } }]],
  ['user:profile.json', [{ inlineData: { mimeType: 'application/json', data: Buffer.from('{}').toString('base64') } }]],
  ['far', [{ fileData: { fileUri: 'gs://bucket/far', mimeType: 'video/mp4' } }]],
];

/** A root as ADK's own service makes it. */
async function fill(folder: string): Promise<void> {
  const service = new FileArtifactService(folder);
  for (const [filename, parts] of ARTIFACTS) {
    for (const artifact of parts) {
      await service.saveArtifact({ ...key, filename, artifact, customMetadata: { my_key: 1 } });
    }
  }
}

async function expectArtifacts(service: SqliteArtifactService): Promise<void> {
  expect(await service.listArtifactKeys(key)).toEqual(ARTIFACTS.map(([name]) => name).sort());
  for (const [filename, parts] of ARTIFACTS) {
    expect(await service.listVersions({ ...key, filename })).toEqual(parts.map((_, version) => version));
    for (const [version, part] of parts.entries()) {
      expect(await service.loadArtifact({ ...key, filename, version })).toEqual(part);
      const info = await service.getArtifactVersion({ ...key, filename, version });
      expect(info?.customMetadata).toEqual({ my_key: 1 });
    }
  }
}

const counts = { read: 5, converted: 5, unchanged: 0, refused: 0 };

const filesOf = ({ skipped = [] }: ImportReport) => new Set(skipped.map(({ file }) => file));

describe('a root of FileArtifactService', () => {
  test('without apps needs the name of one; every version comes out as it was, and the folder stays as it was', async () => {
    await fill(root);
    const before = contentsOf(root);
    const error = await rejection(importSessions(root, store));
    expect(error).toMatchObject({ code: 'ADK_IMPORT_SOURCE', message: expect.stringContaining('--app') });
    expect(await importSessions(root, store, { app: 'shop', dryRun: true })).toMatchObject({ artifacts: counts });
    const report = await importSessions(root, store, { app: 'shop' });
    expect(report).toMatchObject({ format: 'file-artifacts', artifacts: counts, refused: [] });
    await expectArtifacts(new SqliteArtifactService(store));
    expect(contentsOf(root)).toEqual(before);
    const again = await importSessions(root, store, { app: 'shop' });
    expect(again.artifacts).toEqual({ read: 5, converted: 0, unchanged: 5, refused: 0 });
  });

  test('with apps names them itself', async () => {
    await fill(join(root, 'apps', 'shop'));
    cpSync(join(root, 'apps', 'shop'), join(root, 'apps', 'other'), { recursive: true });
    await importSessions(root, store, { app: 'shop' });
    const service = new SqliteArtifactService(store);
    await expectArtifacts(service);
    expect(await service.listArtifactKeys({ ...key, appName: 'other' })).toEqual([]);
    expect((await importSessions(root, store)).artifacts).toEqual({ read: 10, converted: 5, unchanged: 5, refused: 0 });
  });

  test('is read alone: neither the URI in its metadata nor a link leads out of it', async () => {
    await fill(root);
    writeFileSync(on.file('outside'), 'secret');
    const folder = join(root, 'users', key.userId, 'sessions', 's1', 'artifacts');
    const versions = join(folder, 'note.txt', 'versions');
    const metadata = { fileName: 'note.txt', version: 0, canonicalUri: `file://${on.file('outside')}` };
    writeFileSync(join(versions, '0', 'metadata.json'), JSON.stringify(metadata));
    rmSync(join(versions, '1', 'note.txt'));
    symlinkSync(on.file('outside'), join(versions, '1', 'note.txt'));
    writeFileSync(join(folder, 'images', 'logo.png', 'versions', '0', 'metadata.json'), '{"secret');
    const report = await importSessions(root, store, { app: 'shop' });
    expect(report.artifacts).toEqual({ read: 5, converted: 3, unchanged: 0, refused: 2 });
    expect(report.refused).toEqual([
      { table: 'artifacts', row: 'images/logo.png, version 0', reason: 'its metadata.json is no JSON object' },
      { table: 'artifacts', row: 'note.txt, version 1', reason: 'its content is missing' },
    ]);
    const service = new SqliteArtifactService(store);
    expect(await service.loadArtifact({ ...key, filename: 'note.txt', version: 0 })).toEqual({ text: 'héllo' });
  });

  test('names links, and texts that are no UTF-8', async () => {
    await fill(root);
    const user = join(root, 'users', key.userId);
    const folder = join(user, 'sessions', 's1', 'artifacts');
    symlinkSync(join(folder, 'note.txt'), join(folder, 'linked'));
    symlinkSync(join(folder, 'note.txt', 'versions', '0'), join(folder, 'note.txt', 'versions', '2'));
    symlinkSync(join(user, 'sessions', 's1'), join(user, 'sessions', 's2'));
    symlinkSync(user, join(root, 'users', 'bob'));
    writeFileSync(join(folder, 'note.txt', 'versions', '1', 'note.txt'), Buffer.from([0x61, 0xff]));
    const metadata = Buffer.from('{"fileName":"fa\xffr","customMetadata":{}}', 'latin1');
    writeFileSync(join(folder, 'far', 'versions', '0', 'metadata.json'), metadata);
    const report = await importSessions(root, store, { app: 'shop' });
    expect(report.artifacts).toEqual({ ...counts, converted: 3, refused: 2 });
    expect(report.refused).toEqual([
      { table: 'artifacts', row: 'far, version 0', reason: 'its metadata.json is no valid UTF-8' },
      { table: 'artifacts', row: 'note.txt, version 1', reason: 'its content is a text, but no valid UTF-8' },
    ]);
    const below = (...path: string[]) => join('users', key.userId, 'sessions', ...path);
    expect(new Set(report.skipped?.map(({ file, reason }) => `${file}: ${reason}`))).toEqual(
      new Set(
        [
          below('s1', 'artifacts', 'linked'),
          below('s1', 'artifacts', 'note.txt', 'versions', '2'),
          below('s2'),
          join('users', 'bob'),
        ].map((file) => `${file}: it is a link, which is not followed`),
      ),
    );
  });

  test('has links in the place of its own folders, which are named and not followed', async () => {
    const outside = on.file('outside');
    await fill(outside);
    const user = join(outside, 'users', key.userId);
    const own = join(root, 'apps', 'own', 'users');
    for (const name of ['ada', 'bob', 'eve/sessions/s1']) mkdirSync(join(own, name), { recursive: true });
    mkdirSync(join(root, 'apps', 'linked'));
    const links: [target: string, ...path: string[]][] = [
      [join(outside, 'users'), 'users'],
      [join(outside, 'users'), 'apps', 'linked', 'users'],
      [join(user, 'artifacts'), 'apps', 'own', 'users', 'ada', 'artifacts'],
      [join(user, 'sessions'), 'apps', 'own', 'users', 'bob', 'sessions'],
      [join(user, 'sessions', 's1', 'artifacts'), 'apps', 'own', 'users', 'eve', 'sessions', 's1', 'artifacts'],
    ];
    for (const [target, ...path] of links) symlinkSync(target, join(root, ...path));
    const report = await importSessions(root, store);
    expect(report).toMatchObject({ format: 'file-artifacts', sessions: { read: 0 } });
    expect(report.artifacts).toBeUndefined();
    expect(filesOf(report)).toEqual(new Set(links.map(([_, ...path]) => join(...path))));
  });

  test.each(['apps', 'users'])('that has nothing but a link in its folder %s is recognized', async (name) => {
    const outside = on.file('outside');
    await fill(join(outside, 'apps', 'shop'));
    const target = name === 'apps' ? join(outside, 'apps', 'shop') : join(outside, 'apps', 'shop', 'users', key.userId);
    mkdirSync(join(root, name), { recursive: true });
    symlinkSync(target, join(root, name, 'linked'));
    const report = await importSessions(root, store);
    expect(filesOf(report)).toEqual(new Set([join(name, 'linked')]));
    expect(report.artifacts).toBeUndefined();
  });

  test('may be named by a link itself', async () => {
    await fill(root);
    symlinkSync(root, on.file('named'));
    symlinkSync(root, join(root, 'other'));
    const report = await importSessions(on.file('named'), store, { app: 'shop' });
    expect(report).toMatchObject({ artifacts: counts });
    expect(filesOf(report)).toEqual(new Set(['other']));
  });

  test('a version that the database has with other content stays', async () => {
    await fill(root);
    const service = new SqliteArtifactService(store);
    await service.saveArtifact({ ...key, filename: 'note.txt', artifact: { text: 'mine' } });
    const report = await importSessions(root, store, { app: 'shop' });
    expect(report.artifacts).toMatchObject({ converted: 4, refused: 1 });
    expect(report.refused).toEqual([
      { table: 'artifacts', row: 'note.txt, version 0', reason: 'the database has it with other content' },
    ]);
    expect(await service.loadArtifact({ ...key, filename: 'note.txt', version: 0 })).toEqual({ text: 'mine' });
  });
});

describe('a folder .adk', () => {
  async function agent(name: string): Promise<string> {
    const folder = join(root, name, '.adk');
    mkdirSync(folder, { recursive: true });
    const file = fixture('adk-python-sqlite.db', on.file('unpacked'));
    cpSync(file, join(folder, 'session.db'));
    await fill(join(folder, 'artifacts'));
    return folder;
  }

  test('comes out with sessions and artifacts', async () => {
    const folder = await agent('shop');
    const before = contentsOf(root);
    const report = await importSessions(folder, store);
    expect(report).toMatchObject({ format: 'adk-folder', sessions: { converted: 3 }, artifacts: counts, refused: [] });
    await expectArtifacts(new SqliteArtifactService(store));
    const session = await new SqliteSessionService(store).getSession({ ...key, userId: 'ada' });
    expect(session?.events).toHaveLength(3);
    expect(contentsOf(root)).toEqual(before);
  });

  test('of an agent that is a link is named, and not followed', async () => {
    const other = on.file('other');
    await agent('shop');
    cpSync(join(root, 'shop'), join(other, 'desk'), { recursive: true });
    mkdirSync(join(other, 'no-agent'));
    for (const name of ['desk', 'no-agent']) symlinkSync(join(other, name), join(root, name));
    symlinkSync('shop', join(root, 'alias'));
    const skipped = ['alias', 'desk'].map((file) => ({
      file,
      reason: 'it is a link, which is not followed: import the folder behind it by its path',
    }));
    expect(await importSessions(root, store)).toMatchObject({ sessions: { converted: 3 }, artifacts: counts, skipped });
    const links = on.file('links');
    mkdirSync(links);
    symlinkSync(join(other, 'desk'), join(links, 'desk'));
    expect(await importSessions(links, store)).toMatchObject({ sessions: { read: 0 }, skipped: [skipped[1]] });
  });

  test('is read where it is a link itself, but not its artifacts where they are one', async () => {
    const folder = await agent('shop');
    for (const name of ['desk', 'home']) mkdirSync(join(root, name));
    mkdirSync(join(root, 'desk', '.adk'));
    symlinkSync(join(on.file('outside'), 'artifacts'), join(root, 'desk', '.adk', 'artifacts'));
    renameSync(folder, on.file('outside'));
    symlinkSync(on.file('outside'), join(root, 'home', '.adk'));
    const report = await importSessions(root, store);
    expect(report).toMatchObject({ sessions: { converted: 3 }, artifacts: counts });
    const reason = 'it is a link, which is not followed: import the folder behind it by its path';
    expect(report.skipped).toEqual([{ file: join('desk', '.adk', 'artifacts'), reason }]);
  });

  test('of several agents come out together', async () => {
    await agent('shop');
    await agent('desk');
    mkdirSync(join(root, 'no-agent'));
    const report = await importSessions(root, store);
    // Both databases have the sessions of the app `shop`: the fixture is the same.
    expect(report).toMatchObject({ sessions: { read: 6, converted: 3, unchanged: 3 }, artifacts: { converted: 10 } });
    const service = new SqliteArtifactService(store);
    expect(await service.listArtifactKeys({ ...key, appName: 'desk' })).toHaveLength(4);
  });

  test('has other files beside its sessions, which are named', async () => {
    const folder = await agent('shop');
    for (const name of [
      '.adk/eval_history/a.evalset_result.json',
      '.adk/other.db',
      'set.evalset.json',
      's1.session.json',
      'agent.py',
    ]) {
      mkdirSync(join(root, 'shop', name, '..'), { recursive: true });
      writeFileSync(join(root, 'shop', name), '{}');
    }
    const report = await importSessions(root, store);
    expect(report).toMatchObject({ sessions: { converted: 3 }, refused: [] });
    const other = 'ADK keeps no sessions in it; import it by its path if it has some';
    expect(report.skipped).toEqual([
      { file: 'shop/.adk/eval_history', reason: other },
      { file: 'shop/.adk/other.db', reason: other },
      { file: 'shop/s1.session.json', reason: 'a session in a file of its own: import it by its path' },
      { file: 'shop/set.evalset.json', reason: 'it is of an evaluation, and holds no sessions' },
    ]);
    expect((await importSessions(folder, store)).skipped?.map(({ file }) => file)).toEqual([
      'eval_history',
      'other.db',
    ]);
  });

  test('whose database is none is refused, and the others are read', async () => {
    await agent('shop');
    for (const name of ['broken', 'empty']) mkdirSync(join(root, name, '.adk'), { recursive: true });
    writeFileSync(join(root, 'broken', '.adk', 'session.db'), `SQLite format 3\0${'x'.repeat(5_000)}`);
    writeFileSync(join(root, 'empty', '.adk', 'session.db'), '');
    const report = await importSessions(root, store);
    expect(report.sessions).toEqual({ read: 5, converted: 3, unchanged: 0, refused: 2 });
    expect(report.refused.map(({ table, row }) => [table, row])).toEqual([
      ['session.db', 'broken/.adk/session.db'],
      ['session.db', 'empty/.adk/session.db'],
    ]);
  });

  test('tells the zone of local times in its database', async () => {
    const folder = await agent('shop');
    cpSync(fixture('adk-python-v0.db', on.file('unpacked')), join(folder, 'session.db'));
    const report = await importSessions(folder, store);
    expect(report.timezone).toBe((await importSessions(join(folder, 'session.db'), store)).timezone);
    expect(report.timezone).not.toBeNull();
  });

  test('that is empty is of no known kind', async () => {
    mkdirSync(root);
    expect(await rejection(importSessions(root, store))).toMatchObject({ code: 'ADK_IMPORT_SOURCE' });
    expect(existsSync(join(root, '.adk'))).toBe(false);
  });
});

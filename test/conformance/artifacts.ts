import type { BaseArtifactService } from '@google/adk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rejection } from '../support/rejection.js';

export interface ArtifactSubject {
  service: BaseArtifactService;
  close?: () => Promise<void>;
}

/** A rule that is known not to hold for an implementation, and why. */
export type Difference = readonly [title: string, reason: string];

/**
 * The contract of an artifact service, as tests of any implementation. Rules among the `differences` must fail, so that the
 * list stays true.
 */
export function artifactConformance(
  name: string,
  make: () => Promise<ArtifactSubject>,
  differences: readonly Difference[] = [],
): void {
  const titles = new Set<string>();
  const differing = new Map(differences);
  const rule = (title: string, body: () => Promise<void>) => {
    if (titles.has(title)) throw new Error(`two rules are called "${title}"`);
    titles.add(title);
    (differing.has(title) ? test.fails : test)(title, body);
  };

  describe(name, () => {
    let subject: ArtifactSubject;
    let service: BaseArtifactService;
    beforeEach(async () => {
      subject = await make();
      service = subject.service;
    });
    afterEach(() => subject.close?.());

    const key = { appName: 'app', userId: 'ada', sessionId: 's1' };
    const at = { ...key, filename: 'report.txt' };
    const binary = (text: string, mimeType = 'application/octet-stream') => ({
      inlineData: { mimeType, data: Buffer.from(text).toString('base64') },
    });

    describe('an artifact', () => {
      rule('of text comes back', async () => {
        expect(await service.saveArtifact({ ...at, artifact: { text: 'hello' } })).toBe(0);
        expect(await service.loadArtifact(at)).toMatchObject({ text: 'hello' });
      });

      rule('of bytes comes back with its type', async () => {
        await service.saveArtifact({ ...at, artifact: binary('\u0000\u00ff', 'image/png') });
        expect(await service.loadArtifact(at)).toMatchObject(binary('\u0000\u00ff', 'image/png'));
      });

      rule('may be a reference, with a type or without', async () => {
        const withType = { fileData: { fileUri: 'gs://bucket/a.pdf', mimeType: 'application/pdf' } };
        await service.saveArtifact({ ...at, artifact: withType });
        expect(await service.loadArtifact(at)).toEqual(withType);
        expect(await service.getArtifactVersion(at)).toMatchObject({ version: 0, mimeType: 'application/pdf' });
        await service.saveArtifact({ ...at, artifact: { fileData: { fileUri: 'gs://bucket/b' } } });
        expect((await service.loadArtifact(at))?.fileData?.fileUri).toBe('gs://bucket/b');
      });

      rule('keeps the display name of its bytes', async () => {
        const artifact = { inlineData: { ...binary('x').inlineData, displayName: 'my report.pdf' } };
        await service.saveArtifact({ ...at, artifact });
        expect(await service.loadArtifact(at)).toEqual(artifact);
      });

      rule('keeps fields that the service does not know', async () => {
        const artifact = { text: 'a', videoMetadata: { fps: 2 } };
        await service.saveArtifact({ ...at, artifact });
        expect(await service.loadArtifact(at)).toEqual(artifact);
      });

      rule('may be an empty text', async () => {
        await service.saveArtifact({ ...at, artifact: { text: '' } });
        expect((await service.loadArtifact(at))?.text).toBe('');
      });

      rule('without content is refused, in the words that callers know', async () => {
        expect(await rejection(service.saveArtifact({ ...at, artifact: {} }))).toMatchObject({
          message: 'Artifact must have either inlineData or text content.',
        });
        expect(await service.listArtifactKeys(key)).toEqual([]);
      });

      rule('that refers to nothing is refused, in the words that callers know', async () => {
        expect(await rejection(service.saveArtifact({ ...at, artifact: { fileData: {} } }))).toMatchObject({
          message: 'Artifact fileData must have a fileUri.',
        });
      });

      rule('does not change with the object that it was saved from', async () => {
        const artifact = { text: 'before', inlineData: undefined as any };
        await service.saveArtifact({ ...at, artifact });
        artifact.text = 'after';
        expect((await service.loadArtifact(at))?.text).toBe('before');
      });

      rule('does not change with an object that was loaded', async () => {
        await service.saveArtifact({ ...at, artifact: { text: 'before' } });
        const loaded = await service.loadArtifact(at);
        if (loaded) loaded.text = 'after';
        expect((await service.loadArtifact(at))?.text).toBe('before');
      });

      rule('that is not there is undefined, in every call', async () => {
        expect(await service.loadArtifact(at)).toBeUndefined();
        expect(await service.getArtifactVersion(at)).toBeUndefined();
        expect(await service.listVersions(at)).toEqual([]);
        expect(await service.listArtifactVersions(at)).toEqual([]);
        expect(await service.deleteArtifact(at)).toBeUndefined();
      });
    });

    describe('versions', () => {
      rule('count from 0; the latest is the one that loads, any of them by its number', async () => {
        for (let version = 0; version < 3; version += 1) {
          expect(await service.saveArtifact({ ...at, artifact: { text: `v${version}` } })).toBe(version);
        }
        expect((await service.loadArtifact(at))?.text).toBe('v2');
        for (let version = 0; version < 3; version += 1) {
          expect((await service.loadArtifact({ ...at, version }))?.text).toBe(`v${version}`);
        }
        expect(await service.listVersions(at)).toEqual([0, 1, 2]);
      });

      rule('that can not be, or are not there, are undefined', async () => {
        await service.saveArtifact({ ...at, artifact: { text: 'a' } });
        for (const version of [-1, 1, 0.5, Number.NaN]) {
          expect(await service.loadArtifact({ ...at, version })).toBeUndefined();
          expect(await service.getArtifactVersion({ ...at, version })).toBeUndefined();
        }
      });

      rule('of concurrent saves are as many as saves', async () => {
        const saves = Array.from({ length: 10 }, (_, n) => service.saveArtifact({ ...at, artifact: { text: `${n}` } }));
        const versions = await Promise.all(saves);
        expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, n) => n));
        for (const [n, version] of versions.entries()) {
          expect((await service.loadArtifact({ ...at, version }))?.text).toBe(`${n}`);
        }
      });

      rule('have metadata of their own', async () => {
        await service.saveArtifact({ ...at, artifact: { text: 'a' }, customMetadata: { by: 'ada', n: 1 } });
        await service.saveArtifact({ ...at, artifact: { text: 'b' }, customMetadata: { by: 'bob', tags: ['x'] } });
        const all = await service.listArtifactVersions(at);
        expect(all).toMatchObject([
          { version: 0, customMetadata: { by: 'ada', n: 1 } },
          { version: 1, customMetadata: { by: 'bob', tags: ['x'] } },
        ]);
        expect(await service.getArtifactVersion({ ...at, version: 0 })).toEqual(all[0]);
        expect(await service.getArtifactVersion(at)).toEqual(all[1]);
      });

      rule('tell the type of what they hold', async () => {
        await service.saveArtifact({ ...at, artifact: binary('a', 'image/png') });
        await service.saveArtifact({ ...at, artifact: { text: 'a' } });
        expect((await service.listArtifactVersions(at)).map(({ mimeType }) => mimeType)).toEqual([
          'image/png',
          'text/plain',
        ]);
      });

      rule('have a URI each, which names them', async () => {
        for (const text of ['a', 'b']) await service.saveArtifact({ ...at, artifact: { text } });
        const uris = (await service.listArtifactVersions(at)).map(({ canonicalUri }) => canonicalUri);
        expect(new Set(uris).size).toBe(2);
        for (const uri of uris) expect(uri).toContain('report.txt');
      });

      rule('begin at 0 again when the artifact was deleted', async () => {
        for (const text of ['a', 'b']) await service.saveArtifact({ ...at, artifact: { text } });
        await service.deleteArtifact(at);
        expect(await service.loadArtifact(at)).toBeUndefined();
        expect(await service.listArtifactKeys(key)).toEqual([]);
        expect(await service.saveArtifact({ ...at, artifact: { text: 'c' } })).toBe(0);
      });
    });

    describe('names', () => {
      const save = (filename: string, more = {}) =>
        service.saveArtifact({ ...key, filename, artifact: { text: filename }, ...more });

      rule('are listed in order, of one session', async () => {
        for (const filename of ['b.txt', 'a.txt', 'c.txt']) await save(filename);
        await save('other.txt', { sessionId: 's2' });
        expect(await service.listArtifactKeys(key)).toEqual(['a.txt', 'b.txt', 'c.txt']);
        expect(await service.listArtifactKeys({ ...key, sessionId: 's3' })).toEqual([]);
      });

      rule("that begin with user: are the user's, in every session", async () => {
        await save('user:profile.txt');
        await save('here.txt');
        const elsewhere = { ...key, sessionId: 's2' };
        expect(await service.listArtifactKeys(key)).toEqual(['here.txt', 'user:profile.txt']);
        expect(await service.listArtifactKeys(elsewhere)).toEqual(['user:profile.txt']);
        expect((await service.loadArtifact({ ...elsewhere, filename: 'user:profile.txt' }))?.text).toBe(
          'user:profile.txt',
        );
        expect(await save('user:profile.txt', { sessionId: 's2' })).toBe(1);
        expect(await service.listArtifactKeys({ ...key, userId: 'bob' })).toEqual([]);
        await service.deleteArtifact({ ...elsewhere, filename: 'user:profile.txt' });
        expect(await service.listArtifactKeys(key)).toEqual(['here.txt']);
      });

      rule('may stand below one another', async () => {
        for (const filename of ['a', 'a/b', 'a/b/c.txt']) await save(filename);
        expect(await service.listArtifactKeys(key)).toEqual(['a', 'a/b', 'a/b/c.txt']);
        expect(await service.listVersions({ ...key, filename: 'a' })).toEqual([0]);
        await service.deleteArtifact({ ...key, filename: 'a' });
        expect(await service.listArtifactKeys(key)).toEqual(['a/b', 'a/b/c.txt']);
      });

      rule('are taken exactly: blanks, dots, any script', async () => {
        const names = [' t.md ', 't.md', '..', '../up', 'metadata.json', 'versions/1', '日本.txt', 'ä', 'a%2Fb'];
        for (const filename of names) await save(filename);
        expect(await service.listArtifactKeys(key)).toEqual(names.toSorted());
        for (const filename of names) {
          expect((await service.loadArtifact({ ...key, filename }))?.text).toBe(filename);
        }
      });

      rule('may be empty', async () => {
        await save('', { artifact: { text: 'a' } });
        expect(await service.listArtifactKeys(key)).toEqual(['']);
      });

      rule('with half a character are refused by name', async () => {
        const error = await rejection(save('a\ud800'));
        expect(error.message).toMatch(/name/);
      });
    });

    describe('scopes', () => {
      rule('keep apps, users and sessions apart, whatever characters they contain', async () => {
        const scopes = [
          { appName: 'a', userId: 'b/u', sessionId: 's' },
          { appName: 'a/b', userId: 'u', sessionId: 's' },
          { appName: 'a', userId: 'b', sessionId: 'u/s' },
          { appName: 'a', userId: 'b', sessionId: 'user' },
          { appName: 'a', userId: 'a+b@x.org', sessionId: 's' },
          { appName: 'a', userId: 'user name', sessionId: 's' },
          { appName: 'a', userId: 'ユーザ', sessionId: 's' },
        ];
        for (const [n, scope] of scopes.entries()) {
          expect(await service.saveArtifact({ ...scope, filename: 'f', artifact: { text: `${n}` } })).toBe(0);
        }
        for (const [n, scope] of scopes.entries()) {
          expect((await service.loadArtifact({ ...scope, filename: 'f' }))?.text).toBe(`${n}`);
        }
      });
    });
  });
}

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'aiosqlite';
import { ArtifactStore, MemoryStore, SessionStore } from 'aiosqlite/store';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorsOf, eventually, hasBrowser, launch, openPage } from '../support/browser.js';
import { Running, run } from './support.js';

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

let folder = '';
let file = '';
let inspector: Running;
let url = '';
const hash = () => createHash('sha256').update(readFileSync(file)).digest('hex');
let before = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aiosqlite-inspector-test-'));
  file = join(folder, 'agent.db');
  {
    await using db = await connect(file, { journalMode: 'wal' });
    const sessions = new SessionStore(db);
    await sessions.createTables();
    const titled = (displayName: string) => ({ __session_metadata__: { displayName } });
    const key = { appName: 'shop', userId: 'ada', sessionId: 's1' };
    await sessions.createSession({ ...key, state: { ...titled('Tea for two'), step: 0 } });
    await sessions.createSession({ ...key, sessionId: 's2', state: titled(markup) });
    await sessions.createSession({ ...key, userId: 'bob', sessionId: 's3' });
    const event = { ...key, invocationId: 'i1', timestamp: Date.now() };
    const said = (text: string) => ({ content: { parts: [{ text }] } });
    await sessions.appendEvent({ ...event, id: 'e1', author: 'user', actions: {}, ...said(markup) });
    await sessions.appendEvent(
      { ...event, id: 'e2', author: 'clerk', actions: { stateDelta: { step: 1 } }, ...said('Darjeeling, I suggest') },
      { session: { step: 1 } },
    );
    await sessions.appendEvent(
      { ...event, id: 'e3', author: 'clerk', actions: { stateDelta: { step: 2 } }, ...said('Anything else?') },
      { session: { step: 2 } },
    );
    const many = Array.from({ length: 450 }, (_, i) => ({
      ...event,
      sessionId: 's2',
      id: `m${i}`,
      author: 'user',
      actions: {},
      ...said(`many ${i}`),
    }));
    await sessions.appendEvents(many);
    const memory = new MemoryStore(db);
    await memory.createTables();
    await memory.add([
      { id: 'm1', appName: 'shop', userId: 'ada', scope: 'user', content: { parts: [{ text: 'Likes Darjeeling' }] } },
    ]);
    const artifacts = new ArtifactStore(db);
    await artifacts.createTables();
    await artifacts.save(
      { ...{ appName: 'shop', userId: 'ada', sessionId: 's1' }, name: 'page.html' },
      { inlineData: { mimeType: 'text/html', data: Buffer.from(markup).toString('base64') } },
    );
    await artifacts.save(
      { ...{ appName: 'shop', userId: 'ada', sessionId: 's1' }, name: 'a/pixel.png' },
      { inlineData: { mimeType: 'image/png', data: PIXEL } },
    );
    await db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }
  before = hash();
  inspector = new Running(['inspect', file, '--serve', '--json']);
  await inspector.until(() => inspector.stdout.includes('\n'));
  ({ url } = JSON.parse(inspector.stdout));
});
afterAll(async () => {
  inspector.child.kill('SIGTERM');
  expect(await inspector.ended).toBe(0);
  expect(hash()).toBe(before);
  rmSync(folder, { recursive: true, force: true });
});

describe('the server of the inspector', () => {
  const status = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      request(new URL(path, url), { headers, method }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end();
    });

  test('listens on this machine, behind an address that nobody can guess', async () => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
    expect(await status('overview')).toBe(200);
    expect(await status('/')).toBe(404);
    expect(await status('/overview')).toBe(404);
    expect(await status(`/${'0'.repeat(32)}/overview`)).toBe(404);
  });

  test('refuses other hosts, other sites, and everything but GET', async () => {
    expect(await status('overview', { host: 'evil.example' })).toBe(403);
    expect(await status('overview', { origin: 'https://evil.example' })).toBe(403);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(await status('overview', {}, method)).toBe(405);
  });

  test('answers wrong requests with a status, and lives', async () => {
    expect(await status('session?app=shop&user=ada&session=none')).toBe(404);
    expect(await status('session?app=shop&user=ada&session=s1&after=x')).toBe(400);
    expect(await status('artifact?app=shop&user=ada&session=s1&name=none')).toBe(404);
    expect(await status('../../../etc/passwd')).toBe(404);
    expect(await status('page.js/../../main.js')).toBe(404);
    for (const name of ['__proto__', 'constructor', 'toString']) expect(await status(name), name).toBe(404);
    expect(await status('overview')).toBe(200);
  });

  test('gives contents as pictures or text alone', async () => {
    const type = async (name: string) => {
      const response = await fetch(`${url}artifact?app=shop&user=ada&session=s1&name=${encodeURIComponent(name)}`);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
      return [response.headers.get('content-type'), await response.text()];
    };
    expect(await type('page.html')).toEqual(['text/plain; charset=utf-8', markup]);
    expect((await type('a/pixel.png'))[0]).toBe('image/png');
  });
});

test('lists sessions beside ones with times in nanoseconds, titles that are no text, and a damaged state', async () => {
  const odd = join(folder, 'odd.db');
  {
    await using db = await connect(odd);
    const store = new SessionStore(db);
    await store.createTables();
    const key = { appName: 'shop', userId: 'ada' };
    const titled = (displayName: unknown) => ({ __session_metadata__: { displayName } });
    await store.createSession({ ...key, sessionId: 's1', state: titled('Tea') });
    await store.createSession({ ...key, sessionId: 's2', state: titled(2 ** 60) });
    await store.createSession({ ...key, sessionId: 's3', createTime: 1.7e18 });
    const event = { ...key, id: 'e1', author: 'user', invocationId: 'i1', actions: {} };
    await store.appendEvent({ ...event, sessionId: 's3', timestamp: 1.7e18 });
    await store.appendEvent({ ...event, sessionId: 's1', timestamp: 1 });
    await store.createSession({ ...key, sessionId: 's4' });
    await db.exec(`UPDATE adk_sessions SET state = '{"broken' WHERE id = 's4'`);
  }
  await using running = new Running(['inspect', odd, '--serve', '--json']);
  await running.until(() => running.stdout.includes('\n'));
  const page = JSON.parse(running.stdout).url;
  const { sessions } = (await (await fetch(`${page}sessions`)).json()) as any;
  expect(sessions.map(({ id, title }: any) => [id, title]).sort()).toEqual([
    ['s1', 'Tea'],
    ['s2', null],
    ['s3', null],
    ['s4', null],
  ]);
  expect(sessions.find(({ id }: any) => id === 's3').updateTime).toBe(1.7e18);
  const { growth } = (await (await fetch(`${page}overview`)).json()) as any;
  expect(growth).toMatchObject([{ day: '1970-01-01', events: 1 }]);
});

test('a port in use is named in one sentence', () => {
  const { port } = new URL(url);
  expect(run(['inspect', file, '--serve', '--port', port])).toMatchObject({
    status: 1,
    stdout: '',
    stderr: `aiosqlite: port ${port} is in use\n`,
  });
  expect(run(['inspect', file, '--port', '0'])).toMatchObject({ status: 2 });
});

describe.skipIf(!hasBrowser)('the page of the inspector', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  const onPage = async (width: number, scheme: 'light' | 'dark', work: (page: Page) => Promise<void>) => {
    const page = await openPage(browser, { viewport: { width, height: 800 }, colorScheme: scheme });
    const errors = errorsOf(page);
    await page.goto(url);
    await page.locator('.list li').first().waitFor();
    await work(page);
    expect(errors).toEqual([]);
    expect(await page.title()).toBe('aiosqlite inspector');
    await page.close();
  };
  const picture = async (page: Page, name: string) => {
    const { AIOSQLITE_PICTURES: pictures } = process.env;
    if (pictures)
      await page.screenshot({ path: join(pictures, `inspector-${name}-${page.viewportSize()?.width}.png`) });
  };

  test.each([
    [1280, 'light'],
    [390, 'dark'],
  ] as const)('shows sessions, memory, artifacts and the file at %i pixels, %s', async (width, scheme) => {
    await onPage(width, scheme, async (page) => {
      const dark = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(dark === 'rgb(255, 255, 255)').toBe(scheme === 'light');
      expect((await page.locator('.list strong').allTextContents()).sort()).toEqual(
        [markup, 'Tea for two', 's3'].sort(),
      );
      await page.getByText('Tea for two').click();
      await page.getByText('Darjeeling, I suggest').waitFor();
      expect(await page.locator('.conversation .text').first().textContent()).toBe(markup);
      await picture(page, 'session');

      await page.goto(`${url}#memory`);
      await page.locator('input[type=search]').fill('darjeeling');
      await page.getByText('Likes Darjeeling').waitFor();
      await picture(page, 'memory');

      await page.goto(`${url}#artifacts`);
      await page.getByText('a/pixel.png').click();
      const image = page.locator('.preview img');
      await image.waitFor();
      expect(await image.evaluate((element: any) => element.naturalWidth)).toBe(1);
      await page.getByText('page.html').click();
      await page.getByText('onerror').waitFor();
      await picture(page, 'artifacts');

      await page.goto(`${url}#file`);
      await page.locator('.chart canvas').waitFor();
      expect(await page.locator('tbody code').allTextContents()).toContain('adk_events');
      await picture(page, 'file');
      const overflow = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
      expect(overflow).toBe(false);
    });
  });

  test('shows the state after the chosen event', async () => {
    await onPage(1280, 'light', async (page) => {
      await page.getByText('Tea for two').click();
      const state = page.getByLabel('State');
      const step = () => state.locator('.values div', { hasText: /^step/ }).locator('dd').textContent();
      await eventually(step).toBe('2');
      await page.getByText('Darjeeling, I suggest').waitFor();
      for (const value of ['0', '1', '2']) {
        await page.keyboard.press('ArrowDown');
        await eventually(step).toBe(value);
      }
      await page.keyboard.press('ArrowUp');
      await eventually(step).toBe('1');
      expect(await state.locator('.changed dt').allTextContents()).toEqual(['step']);
    });
  });

  test('is used with the keyboard alone', async () => {
    await onPage(1280, 'light', async (page) => {
      await page.keyboard.press('j');
      await page.locator('.conversation h2').waitFor();
      const title = () => page.locator('.conversation h2').textContent();
      const first = await title();
      await page.keyboard.press('j');
      await eventually(title).not.toBe(first);
      await page.keyboard.press('k');
      await eventually(title).toBe(first);
      await page.keyboard.press('/');
      await page.keyboard.type('bob');
      await eventually(() => page.locator('.list strong').allTextContents()).toEqual(['s3']);
      await page.keyboard.press('Escape');
      for (const [key, name] of [
        ['4', 'File'],
        ['3', 'Artifacts'],
        ['2', 'Memory'],
        ['1', 'Sessions'],
      ] as const) {
        await page.keyboard.press(key);
        await eventually(() => page.locator('nav [aria-current]').textContent()).toContain(name);
      }
      await page.keyboard.press('?');
      await page.getByText('next and previous event').waitFor();
    });
  });

  test('shows a long session in parts', async () => {
    await onPage(1280, 'light', async (page) => {
      await page.goto(`${url}#sessions/shop/ada/s2`);
      const events = page.locator('.conversation li');
      await eventually(() => events.count()).toBe(200);
      for (const total of [400, 450]) {
        await page.getByRole('button', { name: 'More events' }).click();
        await eventually(() => events.count()).toBe(total);
      }
      expect(await page.getByRole('button', { name: 'More events' }).count()).toBe(0);
      await page.getByText('many 449').waitFor();
    });
  });

  test('goes to the last events of a long session, and back to the first', async () => {
    await onPage(390, 'light', async (page) => {
      await page.goto(`${url}#sessions/shop/ada/s2`);
      const [first, last] = [page.getByText('many 0', { exact: true }), page.getByText('many 449', { exact: true })];
      const chosen = () => page.locator('.conversation li[aria-current] .text').textContent();
      await first.waitFor();
      await page.keyboard.press('End');
      await eventually(chosen).toBe('many 449');
      expect([await first.count(), await last.count()]).toEqual([0, 1]);
      await page.keyboard.press('ArrowUp');
      await eventually(chosen).toBe('many 448');
      await page.getByRole('button', { name: 'First events' }).click();
      await eventually(chosen).toBe('many 0');
      await page.getByRole('button', { name: 'Last events' }).click();
      await eventually(chosen).toBe('many 449');
      // A click on the chosen event shows the state of now again.
      await page.locator('.conversation li[aria-current] .event').click();
      await page.getByText('State now').waitFor();
    });
  });
});

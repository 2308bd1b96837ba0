import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorsOf, eventually, hasBrowser, launch, openPage } from '../support/browser.js';
import { Site } from './fixtures.js';

/** ADK's web UI in Chromium, in front of this package. */
describe.skipIf(!hasBrowser)("ADK's web UI", () => {
  let browser: Browser;
  let site: Site;
  let page: Page;
  let errors: string[];
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    site = new Site();
    site.write(
      'agents/other.mjs',
      readFileSync(`${site.agentsDir}/hello.mjs`, 'utf8').replace("name: 'hello'", "name: 'other'"),
    );
    await site.serve();
    page = await openPage(browser, { viewport: { width: 1280, height: 800 }, acceptDownloads: true });
    errors = errorsOf(page);
    await page.goto(site.url);
  });
  afterEach(async () => {
    await page.close();
    await site.remove();
    // A style sheet that the UI names and its package lacks.
    expect(errors.filter((line) => !line.includes('prism-dark.css'))).toEqual([]);
  });

  const chooseAgent = async (name: string) => {
    await page.locator('button.selector-button', { hasText: 'robot_2' }).click();
    await page.locator('.mat-drawer-opened, .cdk-overlay-container').getByText(name, { exact: true }).first().click();
    await page.locator('button.selector-button', { hasText: name }).waitFor();
  };
  const say = async (text: string) => {
    await page.getByPlaceholder('Type a message...').fill(text);
    await page.keyboard.press('Enter');
  };
  const openSessions = async () => {
    await page.locator('button.selector-button:not(.new-session-button)').nth(1).click();
    await page.getByText('Select a Session', { exact: true }).waitFor();
  };
  const items = (shown: Page) => shown.locator('.session-item .session-id');
  const user = { appName: 'hello', userId: 'user' };
  const stored = async () => (await site.sessionService.listSessions(user)).sessions;

  test('an agent is chosen, talked to, and the talk is there after a reload', async () => {
    await chooseAgent('other');
    await chooseAgent('hello');
    await say('hi there');
    await page.getByText('You said: hi there').waitFor();
    await page.reload();
    await page.getByText('You said: hi there').waitFor();
    await say('and again');
    await page.getByText('You said: and again').waitFor();
    const [session] = await stored();
    const whole = await site.sessionService.getSession({ ...user, sessionId: session!.id });
    expect(whole?.events.map(({ content }) => content?.parts?.[0]?.text)).toEqual([
      'hi there',
      'You said: hi there',
      'and again',
      'You said: and again',
    ]);
  });

  test('sessions are listed with titles and dates, renamed, and deleted', async () => {
    await site.sessionService.createSession({
      ...user,
      sessionId: 's1',
      state: { __session_metadata__: { displayName: 'Old talk' } },
    });
    await chooseAgent('hello');
    await say('hi there');
    await page.getByText('You said: hi there').waitFor();
    await openSessions();
    await items(page).nth(1).waitFor();
    expect(await items(page).allTextContents()).toEqual(['hi there', 'Old talk']);
    const year = String(new Date().getFullYear());
    for (const date of await page.locator('.session-date').allTextContents()) expect(date).toContain(year);

    await page
      .locator('mat-drawer.mat-drawer-opened mat-icon', { hasText: /^edit$/ })
      .first()
      .click();
    const input = page.locator('mat-drawer.mat-drawer-opened input').first();
    await input.fill('Tea');
    await input.press('Enter');
    const titles = async () => (await stored()).map(({ state }) => (state.__session_metadata__ as any).displayName);
    await eventually(async () => (await titles()).sort()).toEqual(['Old talk', 'Tea']);
    await page.reload();
    await openSessions();
    await eventually(async () => (await items(page).allTextContents()).sort()).toEqual(['Old talk', 'Tea']);

    await page.locator('.session-item', { hasText: 'Old talk' }).hover();
    await page.locator('.session-item', { hasText: 'Old talk' }).getByTitle('Delete session').click();
    await page.locator('.mat-mdc-dialog-container button', { hasText: /delete/i }).click();
    await eventually(async () => (await stored()).map(({ id }) => id)).not.toContain('s1');
    await eventually(() => items(page).allTextContents()).toEqual(['Tea']);
  });

  test('a session is exported to a file and imported as another one', async () => {
    await chooseAgent('hello');
    await say('save reports/tea.txt');
    await page.getByText('You said: saved').waitFor();
    await openSessions();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('mat-drawer.mat-drawer-opened button', { hasText: 'Export' }).click(),
    ]);
    const file = await download.path();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.locator('mat-drawer.mat-drawer-opened button', { hasText: 'Import' }).click(),
    ]);
    await chooser.setFiles({ name: 'session.json', mimeType: 'application/json', buffer: readFileSync(file) });
    await eventually(async () => (await stored()).length).toBe(2);
    const sessions = await stored();
    const [first, second] = await Promise.all(
      sessions.map(({ id }) => site.sessionService.getSession({ ...user, sessionId: id })),
    );
    expect(first?.events.length).toBeGreaterThan(3);
    // The UI gives imported events the time of the import, in seconds.
    const timeless = (session: typeof first) => session?.events.map((event) => ({ ...event, timestamp: 0 }));
    expect(timeless(second)).toEqual(timeless(first));
    for (const { timestamp } of [...first!.events, ...second!.events])
      expect(Math.abs(timestamp - Date.now())).toBeLessThan(3.6e6);
  });

  test('a store that is closed in the middle of a run is shown as an error, and the page goes on', async () => {
    await chooseAgent('hello');
    await say('hi');
    await page.getByText('You said: hi').waitFor();
    const shared = globalThis as { pieces?: number; lastPiece?: number };
    delete shared.pieces;
    shared.lastPiece = Number.POSITIVE_INFINITY;
    await say('slowly');
    await eventually(() => shared.pieces ?? 0).toBeGreaterThan(1);
    await site.sessionService.close();
    delete shared.lastPiece;
    await page
      .getByText(/the service is closed|the pool is closed/)
      .first()
      .waitFor();
    expect((await site.ask('GET', '/list-apps')).json).toEqual(['hello', 'other']);
    errors.length = 0;
  });

  test.each([1280, 390])('is laid out at %i pixels', async (width) => {
    await page.setViewportSize({ width, height: 800 });
    await chooseAgent('hello');
    await say('hi there');
    await page.getByText('You said: hi there').waitFor();
    if (process.env.AIOSQLITE_PICTURES)
      await page.screenshot({ path: `${process.env.AIOSQLITE_PICTURES}/web-${width}.png` });
  });
});

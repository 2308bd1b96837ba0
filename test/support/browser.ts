import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const PROGRAMS = ['chromium', 'chromium-headless-shell', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The Chromium of this machine, if there is one on the path. */
const chromiumPath = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => PROGRAMS.map((program) => join(folder, program)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Tests in a browser are skipped where there is none; under CI they then fail. */
export const hasBrowser = chromiumPath !== undefined || process.env.CI === 'true';

export function launch(): Promise<Browser> {
  if (chromiumPath === undefined)
    throw new Error('there is no Chromium on the path: apt-get install chromium-headless-shell');
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
}

/** On a busy machine a page takes its time; a limit ends what hangs. */
const LONGEST_WAIT_MS = 90_000;

export async function openPage(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(LONGEST_WAIT_MS);
  return page;
}

/** An expectation that a page fulfils sooner or later. */
export const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: LONGEST_WAIT_MS });

/** The errors of a page: exceptions, and lines of its console that are errors. */
export function errorsOf(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (line) => {
    // The development UI asks for parts that ADK's server for JavaScript does not have.
    if (line.type() === 'error' && !/Failed to load resource/.test(line.text())) errors.push(line.text());
  });
  return errors;
}

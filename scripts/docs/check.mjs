#!/usr/bin/env node
/**
 * Looks at the site in build/docs as readers do: every page in Chromium, on a desktop in light and on a phone in dark.
 * No broken link, no error on the console, nothing wider than the screen, no serious finding of axe; search and menu by
 * keyboard alone. Pictures are left in build/docs-check/. With an argument: only pages with that in their address.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { findChromium, launch, serve } from './browser.mjs';
import { checkMenu, checkSearch, checkTabs } from './keyboard.mjs';
import { brokenLinks, findingsOf, open, overflowOf, targetsOf } from './page.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, 'build/docs');
const pictures = join(root, 'build/docs-check');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const executable = findChromium();
if (executable === undefined) {
  console.error(
    'docs:check needs Chromium or Chrome, and found none on the PATH. Install it (on Debian and Ubuntu: ' +
      'apt-get install chromium), or name it in the variable CHROMIUM.',
  );
  process.exit(1);
}
if (!existsSync(join(folder, 'index.html'))) {
  console.error(`There is no site in ${folder}: make it with npm run docs.`);
  process.exit(1);
}

const screens = [
  { name: 'desktop', colorScheme: /** @type {const} */ ('light'), viewport: { width: 1280, height: 900 } },
  { name: 'phone', colorScheme: /** @type {const} */ ('dark'), viewport: { width: 390, height: 844 } },
];
/** What is searched for, and a part of the address of what must be found. */
const searches = /** @type {const} */ ([
  ['ERR_QUEUE_FULL', 'documents/Troubleshooting.html'],
  ['executeMany', 'executeMany'],
  ['busy_snapshot', 'documents/Troubleshooting.html'],
  ['staleSessions', 'staleSessions'],
]);
const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.html') && name.includes(process.argv[2] ?? ''))
  .sort();

/** @type {string[]} */
const problems = [];
/** What pages link to, and what they have to be linked to. @type {Map<string, import('./page.mjs').Targets>} */
const targets = new Map();
rmSync(pictures, { recursive: true, force: true });
mkdirSync(pictures, { recursive: true });

const site = await serve(folder);
const browser = await launch(executable);
try {
  for (const { name, ...options } of screens) {
    const context = await browser.newContext(options);
    await context.addInitScript(axe);
    const page = await context.newPage();
    let where = '';
    const say = (/** @type {string} */ problem) => problems.push(`${name} ${where}: ${problem}`);
    page.on('console', (message) => message.type() === 'error' && say(`console: ${message.text()}`));
    page.on('pageerror', (error) => say(`exception: ${error.message}`));
    page.on('response', (response) => response.status() >= 400 && say(`${response.status()} ${response.url()}`));

    for (where of pages) {
      await open(page, site.url + where);
      if (name === 'desktop') targets.set(where, await targetsOf(page, site.url));
      const overflow = await overflowOf(page);
      if (overflow) say(overflow);
      for (const finding of await findingsOf(page)) say(finding);
      if (/^(index|documents|classes|modules\/aiosqlite\.)/.test(where)) {
        await page.screenshot({ path: join(pictures, `${name}-${where.replaceAll('/', '-')}.png`) });
      }
    }

    where = 'keyboard';
    for (const [word, expected] of searches) {
      await open(page, site.url);
      for (const problem of await checkSearch(page, word, expected)) say(problem);
    }
    await page.screenshot({ path: join(pictures, `${name}-search.png`) });
    await open(page, `${site.url}documents/Quick_start.html`);
    for (const problem of await (name === 'phone' ? checkMenu(page) : checkTabs(page))) say(problem);
    await page.screenshot({ path: join(pictures, `${name}-keyboard.png`) });
    await context.close();
  }
  // Anchors are known of pages that were looked at alone.
  problems.push(...brokenLinks(targets, folder));
} finally {
  await browser.close();
  site.close();
}

const links = [...targets.values()].flatMap(({ links }) => links);
for (const problem of problems) console.error(problem);
console.log(
  `${pages.length} pages on ${screens.length} screens, ${links.length} links in the site: ${problems.length} problems.`,
  `Pictures: ${pictures}`,
);
process.exitCode = problems.length > 0 ? 1 : 0;

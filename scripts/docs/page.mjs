import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What a page links to within the site, and which anchors it has.
 *
 * @typedef {object} Targets
 * @property {string[]} links relative to the site, with their fragment
 * @property {Set<string>} anchors
 */

/**
 * Opens a page and waits until it is shown: TypeDoc hides it until its navigation is there.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} url
 */
export async function open(page, url) {
  await page.goto(url, { waitUntil: 'load' });
  await page.locator('h1').first().waitFor({ state: 'visible' });
  await page.waitForFunction(() => document.querySelector('#tsd-nav-container a') !== null);
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} url of the site
 * @returns {Promise<Targets>}
 */
export async function targetsOf(page, url) {
  const { links, anchors } = await page.evaluate(() => ({
    links: [...document.links].map(({ href }) => href),
    anchors: [...document.querySelectorAll('[id], a[name]')].map((each) => each.id || each.getAttribute('name') || ''),
  }));
  const own = links.filter((link) => link.startsWith(url)).map((link) => link.slice(url.length));
  return { links: own, anchors: new Set(anchors) };
}

/**
 * Links to a page, a file or an anchor that is not there.
 *
 * @param {Map<string, Targets>} targets by page
 * @param {string} folder
 */
export function brokenLinks(targets, folder) {
  const problems = new Set();
  for (const [page, { links }] of targets) {
    for (const link of links) {
      const [path = '', fragment] = link.split('#');
      const target = path === '' ? 'index.html' : decodeURIComponent(path);
      const isThere = targets.has(target) || existsSync(join(folder, target));
      const anchors = targets.get(target)?.anchors;
      const hasAnchor = !fragment || !anchors || anchors.has(decodeURIComponent(fragment));
      if (!isThere || !hasAnchor) problems.add(`${page}: broken link to ${link}`);
    }
  }
  return [...problems];
}

/**
 * What makes the page scroll sideways, if it does.
 *
 * @param {import('playwright-core').Page} page
 */
export async function overflowOf(page) {
  return page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return undefined;
    const wide = [...document.querySelectorAll('.col-content *')].find(
      (each) => each.getBoundingClientRect().right > clientWidth + 1 && !each.closest('table'),
    );
    return `wider than the screen by ${scrollWidth - clientWidth} px: ${wide?.outerHTML.slice(0, 100)}`;
  });
}

/**
 * What axe calls serious or critical, contrast included.
 *
 * @param {import('playwright-core').Page} page which has axe
 */
export async function findingsOf(page) {
  const violations = await page.evaluate(async () => {
    const { axe } = /** @type {any} */ (window);
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.map((/** @type {any} */ { id, impact, nodes }) => ({
      id,
      impact,
      count: nodes.length,
      first: `${nodes[0].html.slice(0, 120)} ${nodes[0].any[0]?.message ?? ''}`,
    }));
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, impact, count, first }) => `axe ${impact} ${id} × ${count}: ${first}`);
}

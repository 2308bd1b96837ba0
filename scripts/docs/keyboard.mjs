/**
 * The search, from the key that opens it to the page that it finds.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} word
 * @param {string} expected a part of the address of one of the first results
 */
export async function checkSearch(page, word, expected) {
  await page.keyboard.press('/');
  const input = page.locator('#tsd-search-input');
  try {
    await input.waitFor({ state: 'visible', timeout: 5_000 });
    await page.waitForFunction(() => document.activeElement?.id === 'tsd-search-input', undefined, { timeout: 5_000 });
    await page.keyboard.type(word);
    const results = page.locator('#tsd-search-results li a');
    await results.first().waitFor({ timeout: 10_000 });
    const addresses = await results.evaluateAll((links) => links.map((each) => /** @type {any} */ (each).href));
    if (!addresses.some((address) => address.toLowerCase().includes(expected.toLowerCase()))) {
      return [`the search for ${word} does not find ${expected}, but ${addresses.slice(0, 3).join(', ')}`];
    }
    const [before] = [page.url()];
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.href !== before, { timeout: 10_000 });
    return [];
  } catch (error) {
    return [`the search for ${word}, with ${await input.inputValue()} in its field: ${error}`];
  }
}

/**
 * Where Tab leads to from the top of the page: everything that takes part must be seen to have the focus.
 *
 * @param {import('playwright-core').Page} page
 */
export async function checkTabs(page) {
  const problems = [];
  const seen = new Set();
  for (let step = 0; step < 200; step += 1) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return undefined;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const { width, height } = element.getBoundingClientRect();
      return {
        html: element.outerHTML.slice(0, 100),
        area: element.closest('header, nav, .col-content, .page-menu, footer')?.className || element.tagName,
        isShown: width > 0 && height > 0,
        isMarked: (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none',
      };
    });
    if (focus === undefined) {
      if (seen.size > 0) break; // once around
      continue;
    }
    seen.add(focus.area);
    if (!focus.isShown) problems.push(`Tab leads to something that is not shown: ${focus.html}`);
    if (!focus.isMarked) problems.push(`the focus is not to be seen on ${focus.html}`);
  }
  if (!(await page.evaluate(() => document.querySelector('.col-content a, .col-content summary') !== null))) {
    problems.push('the page has nothing to go to');
  }
  for (const area of ['tsd-navigation', 'col-content']) {
    if (![...seen].some((each) => each.includes(area))) problems.push(`Tab does not lead into ${area}`);
  }
  return problems;
}

/**
 * The menu of a narrow screen, opened and used by keyboard.
 *
 * @param {import('playwright-core').Page} page
 */
export async function checkMenu(page) {
  const button = page.locator('#tsd-toolbar-menu-trigger');
  if (!(await button.isVisible())) return ['a narrow screen has no menu'];
  const link = page.locator('.site-menu a', { hasText: 'Troubleshooting' });
  try {
    await button.focus();
    await page.keyboard.press('Enter');
    await link.waitFor({ state: 'visible', timeout: 5_000 });
    await page.keyboard.press('Escape');
    await link.waitFor({ state: 'hidden', timeout: 5_000 });
    await page.keyboard.press('Enter');
    await link.waitFor({ state: 'visible', timeout: 5_000 });
    for (let step = 0; step < 40; step += 1) {
      if (await link.evaluate((each) => each === document.activeElement)) break;
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await page.waitForURL(/Troubleshooting/, { timeout: 10_000 });
    return [];
  } catch (error) {
    return [`the menu: ${error}`];
  }
}

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test.each(['store', 'adk'])('aiosqlite/%s exports its public names alone', async (entry) => {
  const report = readFileSync(new URL(`../../etc/api/${entry}.api.md`, import.meta.url), 'utf8');
  const found = [...report.matchAll(/^export (?:declare )?(?:abstract )?(?:class|function|const) (\w+)/gm)].map(
    ([, name]) => name,
  );
  // An overloaded function stands there more than once.
  const names = [...new Set(found)];
  expect(names.length).toBeGreaterThan(0);
  expect(Object.keys(await import(`aiosqlite/${entry}`)).sort()).toEqual(names.sort());
});

test('nothing below the adapters knows ADK', () => {
  const src = new URL('../../src/', import.meta.url);
  for (const room of ['store', 'pool', 'connection', 'wire', 'codec']) {
    const files = readdirSync(new URL(`${room}/`, src), { recursive: true }).filter((file) =>
      String(file).endsWith('.ts'),
    );
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      expect(readFileSync(new URL(`${room}/${file}`, src), 'utf8'), `${room}/${file}`).not.toMatch(/from '@google\//);
    }
  }
});

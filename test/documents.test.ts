import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (page: string) => readFileSync(join(root, page), 'utf8');

describe.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'RELIABILITY.md', 'CHANGELOG.md'])(
  '%s',
  (page) => {
    test('links to files that are there', () => {
      const links = [...read(page).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, target]) => target as string);
      const missing = links.filter(
        (target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(page), target)),
      );
      expect(missing).toEqual([]);
    });
  },
);

// A promise without a test is a wish; one that nobody could run again is a memory.
describe.each(['SECURITY.md', 'RELIABILITY.md'])('%s', (page) => {
  const rows = read(page)
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| *(-|promise|figure|$|\|)/.test(line) && !line.startsWith('| |'));

  test('names a test in each line that promises something', () => {
    expect(rows).not.toEqual([]);
    // What somebody *can* do, and what is the program's own affair, has nothing to be held by.
    const promises = rows.filter((line) => !/^\| can:/.test(line));
    expect(promises.filter((line) => !/\]\(test\//.test(line))).toEqual([]);
  });

  test('gives no figure without its date, and no command that does not exist', () => {
    expect(rows.filter((line) => /: \d[\d,]* /.test(line) && !/\d{4}-\d\d-\d\d: \d/.test(line))).toEqual([]);
    const { scripts } = JSON.parse(read('package.json'));
    const commands = [...read(page).matchAll(/`npm (?:run )?(test[\w:]*)/g)].map(([, name]) => name as string);
    expect(commands.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { createPool } from 'aiosqlite';
import { SqliteSaver, SqliteStore } from 'aiosqlite/langgraph';
import { ArtifactStore, MemoryStore, SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { SECTIONS } from '../scripts/docs/pages.mjs';
import { guides, read, root } from './examples/support/programs.js';

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'RELIABILITY.md',
  'SECURITY.md',
  'UPGRADING.md',
  'bench/README.md',
  'binding/README.md',
  'examples/README.md',
  ...guides,
];
const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (title: string) =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-');

/** Headings of a document: those in its blocks of code are comments. */
const headingsOf = (text: string) =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title);

describe.each(documents)('%s', (name) => {
  const text = read(name);

  test('links only to files and headings that are there, not to folders', () => {
    const broken = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? join(root, name) : join(root, dirname(name), path);
        if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return true;
        return (
          anchor !== undefined && !headingsOf(readFileSync(file, 'utf8')).some((title) => anchorOf(title) === anchor)
        );
      });
    expect(broken).toEqual([]);
  });

  test('names only files and folders that there are', () => {
    const first = 'src|binding|test|scripts|bench|docs|examples|etc|store|adk|pool|wire|connection|node|engine';
    const paths = [...text.matchAll(new RegExp(`\`((?:${first})/[\\w./-]*)\``, 'g'))].map(([, path = '']) => path);
    const exists = (path: string) => ['', 'src', 'binding'].some((folder) => existsSync(join(root, folder, path)));
    const made = /node_modules|\.db$/;
    expect(paths.filter((path) => !exists(path) && !made.test(path))).toEqual([]);
  });

  test('names only commands that there are', () => {
    const named = [...text.matchAll(/\bnpm (?:run ([\w:]+)|(start|test[\w:]*))/g)].map(([, run, own]) => run ?? own);
    expect(named.filter((script) => !Object.hasOwn(scripts, script as string))).toEqual([]);
    const usage = spawnSync(process.execPath, [join(root, 'lib/cli/main.js'), '--help'], { encoding: 'utf8' }).stdout;
    const commands = [...text.matchAll(/\bnpx aiosqlite ([a-z]+)/g)].map(([, command]) => command);
    expect(commands.filter((command) => !usage.includes(`aiosqlite ${command}`))).toEqual([]);
  });
});

test('README.md is short, and has code in its first screen', () => {
  const text = read('README.md');
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8 * 1_024);
  expect(text.split('\n').length).toBeLessThanOrEqual(140);
  expect(text.slice(0, text.indexOf('```js')).split('\n').length).toBeLessThan(10);
});

test('README.md leads to every document for users', () => {
  expect(guides.filter((guide) => guide !== 'docs/decisions.md' && !read('README.md').includes(`(${guide})`))).toEqual(
    [],
  );
});

test('the navigation of the site has every document once', () => {
  const listed = SECTIONS.flatMap((section) => section.documents);
  const readmes = ['examples/README.md', 'examples/projects/README.md'];
  expect(listed.toSorted()).toEqual(
    [...new Set([...documents.filter((name) => name !== 'README.md'), ...readmes])].sort(),
  );
});

test('the figures of the documents and the chart are those of the last full run', () => {
  const [targets = ''] = read('bench/results/full.md').split('\n## ');
  const measured = targets
    .split('\n')
    .flatMap((row) => row.split(/ {2,}/))
    .map((cell) => cell.trim());
  const sections: [file: string, first: string, after: string][] = [
    ['README.md', '## Why', '## Install'],
    ['docs/explanation/performance.md', '## Expectations', '## Advice'],
    ['docs/guides/postgres.md', '## Speed', '## Transactions'],
  ];
  for (const [file, first, after] of sections) {
    const text = read(file);
    const section = text.slice(text.indexOf(first), text.indexOf(after));
    const figures = [...section.matchAll(/(?<![\w.])([\d.]+ (?:×|ms|µs|%)(?= )|0\.\d+)(?!\w)/g)].map(
      ([, it]) => it as string,
    );
    expect(figures.length, file).toBeGreaterThan(0);
    expect(
      figures.filter((figure) => !measured.includes(figure)),
      file,
    ).toEqual([]);
  }
  const [, bars = ''] = /aria-label="([^"]+)"/.exec(read('bench/results/full-summary.svg')) ?? [];
  const drawn = bars.split('; ').map((bar) => bar.split(': ').at(-1) as string);
  expect(drawn.length).toBeGreaterThan(5);
  expect(drawn.filter((figure) => !measured.includes(figure))).toEqual([]);
});

/** First cells of the tables below a heading, up to the next heading: the names in them, without their arguments. */
function entriesBelow(page: string): { title: string; names: string[] }[] {
  return page
    .split(/^(?=#{2,3} )/m)
    .slice(1)
    .map((section) => ({
      title: section.split('\n', 1)[0] as string,
      names: [...section.matchAll(/^\| ((?:`[^`]+`(?:, )?)+)/gm)].flatMap(([, cell = '']) =>
        [...cell.matchAll(/`(?:new )?([\w.]+)/g)].map(([, name = '']) => name),
      ),
    }));
}

interface Exported {
  kind: string;
  name: string;
  members: string[];
}

/** What the package exports, with its own members, from the snapshot of its types. */
const exported: Exported[] = readdirSync(join(root, 'etc/api')).flatMap((file) => {
  const blocks = read(`etc/api/${file}`).matchAll(
    /^export (?:declare )?(?:abstract )?(class|interface|type|function|const) (\w+)(.*\{\n[\s\S]*?^\}.*$|.*$)/gm,
  );
  return [...blocks].map(([, kind = '', name = '', body = '']) => ({
    kind,
    name,
    members: [...body.matchAll(/^ {4}(?:readonly |abstract |get )*(\w+)\??(?:<[^(]*>)?[(:]/gm)]
      .map(([, member = '']) => member)
      .filter((member) => member !== 'constructor'),
  }));
});
const unique = (names: string[]) => [...new Set(names)].sort();

describe('docs/reference/options.md', () => {
  const sections = entriesBelow(read('docs/reference/options.md'));
  const options = exported.filter(({ name, members }) => /Options$/.test(name) && members.length > 0);

  test.each(options.map((each) => [each.name, each] as const))('has a row for each option of %s', (name, each) => {
    const below = sections.filter(({ title }) => title.includes(`\`${name}\``)).flatMap(({ names }) => names);
    expect(each.members.filter((member) => !below.includes(member))).toEqual([]);
  });

  test('has no row for an option that there is not', () => {
    const known = (title: string) =>
      options.filter(({ name }) => title.includes(`\`${name}\``)).flatMap(({ members }) => members);
    const surplus = sections.flatMap(({ title, names }) => names.filter((name) => !known(title).includes(name)));
    expect(surplus).toEqual([]);
  });
});

describe('docs/reference/api.md', () => {
  const sections = entriesBelow(read('docs/reference/api.md'));
  // Kysely calls the methods of its dialects; users don't.
  const foreign = /^create(Adapter|Driver|Introspector|QueryCompiler)$/;

  test.each(
    exported
      .filter(
        ({ kind, name, members }) =>
          members.length > 0 &&
          (kind === 'class' || /^(Executor|Connection|Pool|Lease|sql|julianDay)$/.test(name)) &&
          !/Error$/.test(name),
      )
      .map((each) => [each.name, each] as const),
  )('has an entry for each member of %s', (name, each) => {
    const below = sections.filter(({ title }) => title.includes(`\`${name}\``)).flatMap(({ names }) => names);
    const members = unique(each.members.filter((member) => !foreign.test(member)));
    const last = (entry: string) => entry.split('.').at(-1);
    expect(members.filter((member) => !below.some((entry) => last(entry) === member))).toEqual([]);
  });

  test('has an entry for each name that the package exports, and no others', () => {
    const listed = [
      ...sections.flatMap(({ title, names }) => [
        ...names,
        ...[...title.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
      ]),
      ...[...read('docs/reference/options.md').matchAll(/^#+ .*$/gm)].flatMap(([title]) =>
        [...title.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
      ),
    ].filter((name) => name !== 'aiosqlite');
    expect(unique(exported.map(({ name }) => name)).filter((name) => !listed.includes(name))).toEqual([]);
    const all = new Set(exported.flatMap(({ name, members }) => [name, ...members]));
    const unknown = listed.filter((name) => !name.split('.').every((part) => all.has(part)));
    expect(unknown).toEqual([]);
  });
});

describe('docs/reference/errors.md', () => {
  const page = read('docs/reference/errors.md');
  const documented = [...page.matchAll(/^\| ((?:`[A-Z_]+`(?:, )?)+)/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => code),
  );
  const union = (name: string) =>
    [...(new RegExp(`type ${name} = (.*)$`, 'm').exec(reports)?.[1] ?? '').matchAll(/'([A-Z_]+)'/g)].map(
      ([, code = '']) => code,
    );
  const reports = readdirSync(join(root, 'etc/api'))
    .map((file) => read(`etc/api/${file}`))
    .join('\n');

  test('has a row for each code of an AiosqliteError and a StoreError', () => {
    const codes = [...union('AiosqliteErrorCode'), ...union('StoreErrorCode')];
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !documented.includes(code))).toEqual([]);
  });

  test('has each code once, and none that there is not', () => {
    expect(documented.filter((code, i) => documented.indexOf(code) !== i)).toEqual([]);
    const arguments_ = ['ERR_INVALID_ARG_TYPE', 'ERR_OUT_OF_RANGE', 'ERR_UNKNOWN_OPTION'];
    const codes = [
      ...union('AiosqliteErrorCode'),
      ...union('StoreErrorCode'),
      ...union('SqliteErrorCode'),
      ...arguments_,
    ];
    expect(documented.filter((code) => !codes.includes(code))).toEqual([]);
  });
});

test('docs/reference/cli.md has a section for each command, and names its options', () => {
  const help = (...args: string[]) =>
    spawnSync(process.execPath, [join(root, 'lib/cli/main.js'), ...args, '--help'], { encoding: 'utf8' }).stdout;
  const commands = [...help().matchAll(/^(?:Usage: | +)aiosqlite ([a-z]+) /gm)].map(([, command = '']) => command);
  const sections = read('docs/reference/cli.md').split(/^## /m).slice(1);
  expect(sections.map((section) => /^`([a-z]+)`/.exec(section)?.[1])).toEqual(commands);
  const missing = commands.flatMap((command, i) =>
    [...help(command).matchAll(/^ {2}(--[a-z-]+)/gm)]
      .map(([, option = '']) => option)
      .filter((option) => !['--json', '--help'].includes(option) && !sections[i]?.includes(option))
      .map((option) => `${command} ${option}`),
  );
  expect(missing).toEqual([]);
});

test('docs/reference/schema.md has the columns of each table, in their order', async () => {
  const pool = createPool(':memory:');
  for (const Store of [SessionStore, ArtifactStore, MemoryStore]) await new Store(pool).createTables();
  await new SqliteStore(pool).start();
  await new SqliteSaver(pool).deleteThread('none');
  const tables = entriesBelow(read('docs/reference/schema.md')).filter(({ title }) => title.startsWith('### `'));
  expect(tables.length).toBeGreaterThan(5);
  for (const { title, names } of tables) {
    const name = title.slice('### `'.length, -1);
    const columns = await pool.all<{ name: string }>('SELECT name FROM pragma_table_info(?)', [name]);
    expect({ name, columns: names }).toEqual({ name, columns: columns.map((column) => column.name) });
  }
  await pool.close();
});

describe.each(['SECURITY.md', 'RELIABILITY.md'])('%s', (page) => {
  const rows = read(page)
    .split('\n')
    .filter(
      (line) => line.startsWith('| ') && !/^\| *(-|promise|figure|subject|$|\|)/.test(line) && !line.startsWith('| |'),
    );

  test('names a test in each line that promises something', () => {
    // "can" lines are limits of the promise: no test keeps an attacker from these.
    const promises = rows.filter((line) => !/^\| (can|an attacker) /.test(line));
    expect(promises.filter((line) => !/\]\(test\//.test(line))).toEqual([]);
  });

  test('gives no figure without its date', () => {
    expect(rows.filter((line) => /: \d[\d,]* /.test(line) && !/\d{4}-\d\d-\d\d[^|:]*: \d/.test(line))).toEqual([]);
  });
});

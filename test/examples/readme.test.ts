import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guides, makeProject, programsOf, read, root, run } from './support/programs.js';

/** What each program must print. */
const EXPECTED: Record<string, (string | RegExp)[]> = {
  ADK: ['session first has 0 events'],
  SQLite: ["{ id: 1, author: 'ada', text: 'Bring umbrella' }", "[ { author: 'ada', notes: 1 } ]"],
  Pool: ["{ name: 'cup', stock: 5 }", '2 items, { stock: 10 }'],
  'Session store': ['{ step: 2 } { seen: true }', "content: { text: 'hi' }"],
  'Closing by itself': ['{ one: 1 }\n{ two: 2 }'],
  'What a connection has beside the verbs': ["[ [ 'A' ], [ 'Z' ]", "operation: 'delete', rowid: 4", 'COMMIT;'],
  'The sql tag': ["{ author: 'ada', text: 'Bring umbrella' }", "sql: 'a = ? AND b = ?'"],
};

const readme = read('README.md');
const programs = programsOf('README.md');

describe('the programs in README.md', () => {
  let project: string;
  beforeAll(() => {
    project = makeProject();
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('are all tested', () => {
    expect(programs.map(({ title }) => title)).toEqual(Object.keys(EXPECTED));
  });

  it.each(programs)('$title', async (program) => {
    const { error, stdout, stderr } = await run(project, program);
    expect(stderr).toBe('');
    expect(error).toBeNull();
    for (const text of EXPECTED[program.title] ?? []) expect(stdout).toMatch(text);
  });
});

describe('the tables in README.md', () => {
  const rows = readme.split('\n').filter((line) => line.startsWith('|'));

  it('have a row for every option', () => {
    const types = ['options', 'pool-options', 'executor', 'store/names', 'adk/session-service']
      .map((name) => readFileSync(join(root, `lib/${name}.d.ts`), 'utf8'))
      .join('\n');
    const options = [...types.matchAll(/interface (?!Checked)\w*Options\b[^{]*\{([\s\S]*?)^\}/gm)].flatMap(
      ([, body = '']) => [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, option]) => option),
    );
    expect(options.length).toBeGreaterThan(30);
    expect(options.filter((option) => !rows.some((row) => row.startsWith(`| \`${option}\` |`)))).toEqual([]);
  });
});

describe('ARCHITECTURE.md', () => {
  it('names every source file', () => {
    const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const files = ['src', 'binding'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(ts|cc|h)$/.test(name))
        .map((name) => basename(name).replace(/\.\w+$/, '')),
    );
    expect(files.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });
});

const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'binding/README.md', ...guides];
describe.each(documents)('%s', (name) => {
  const text = read(name);

  it('links only to files and headings that are there', () => {
    const broken: string[] = [];
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(root, name) : join(root, dirname(name), path);
      const anchors = () => readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm);
      const isThere =
        existsSync(file) &&
        (anchor === undefined || [...anchors()].some(([, title = '']) => anchorOf(title) === anchor));
      if (!isThere) broken.push(target);
    }
    expect(broken).toEqual([]);
  });

  it('names only npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script);
    expect(named.filter((script) => !Object.hasOwn(scripts, script as string))).toEqual([]);
  });
});

/** A heading's anchor, as GitHub makes it. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

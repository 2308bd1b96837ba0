import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guides, makeProject, PROGRAM_TIMEOUT_MS, programsOf, read, root, run } from './support/programs.js';

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

  it.each(programs)(
    '$title',
    async (program) => {
      const { error, stdout, stderr } = await run(project, program);
      expect(stderr).toBe('');
      expect(error).toBeNull();
      for (const text of EXPECTED[program.title] ?? []) expect(stdout).toMatch(text);
    },
    PROGRAM_TIMEOUT_MS + 5_000,
  );
});

describe('the tables in README.md', () => {
  const rows = readme.split('\n').filter((line) => line.startsWith('|'));

  it('have a row for every option', () => {
    const types = ['connection/options', 'pool/options', 'executor', 'store/names', 'adk/session-service']
      .map((name) => readFileSync(join(root, `lib/${name}.d.ts`), 'utf8'))
      .join('\n');
    const options = [...types.matchAll(/interface (?!Checked)\w*Options\b[^{]*\{([\s\S]*?)^\}/gm)].flatMap(
      ([, body = '']) => [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, option]) => option),
    );
    expect(options.length).toBeGreaterThan(30);
    expect(options.filter((option) => !rows.some((row) => row.startsWith(`| \`${option}\` |`)))).toEqual([]);
  });
});

describe('the features in README.md', () => {
  const section = /^## Features$([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| feature'));
  const linked = (text: string) => [...text.matchAll(/\]\((test\/[^)#]+)\)/g)].map(([, file = '']) => file);

  it('have a row each, and each row names a file of tests', () => {
    expect(rows.length).toBeGreaterThan(30);
    const isTest = (file: string) => /_test\.cc$|\.test\.ts$/.test(file) && existsSync(join(root, file));
    expect(rows.filter((row) => !linked(row).some(isTest))).toEqual([]);
    expect(linked(section).filter((file) => !isTest(file))).toEqual([]);
  });

  it('are all that is tested of the driver', () => {
    const named = new Set(linked(section));
    const files = readdirSync(join(root, 'test/connection/features')).filter((name) => name.endsWith('.test.ts'));
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((name) => !named.has(`test/connection/features/${name}`))).toEqual([]);
  });
});

describe('the table for those who come from aiosqlite of Python', () => {
  const section = /^### aiosqlite$([\s\S]*?)^###? /m.exec(readme)?.[1] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| Python'));
  /** Every public name of version 0.22, but for what Python itself asks of an object. */
  const connection =
    'execute execute_insert execute_fetchall executemany executescript cursor commit rollback close stop interrupt in_transaction isolation_level row_factory text_factory total_changes create_function enable_load_extension load_extension set_authorizer set_progress_handler set_trace_callback iterdump backup';
  const cursor =
    'execute executemany executescript fetchone fetchmany fetchall close rowcount lastrowid arraysize description row_factory connection';
  const module =
    'connect Row register_adapter register_converter sqlite_version sqlite_version_info Warning Error DatabaseError IntegrityError NotSupportedError OperationalError ProgrammingError';
  const names = [connection, cursor, module].flatMap((list) => list.split(' '));

  it.each([...new Set(names)])('has a row for %s', (name) => {
    expect(rows.filter((row) => new RegExp(`^\\| [^|]*\\b${name}\\b`).test(row))).not.toEqual([]);
  });

  it('has no empty cell, and a reason where there is nothing here', () => {
    expect(rows.filter((row) => !/^\| .+ \| \S.* \|$/.test(row) || / none(;| \|)/.test(row))).toEqual([]);
  });
});

describe('ARCHITECTURE.md', () => {
  it('names only files and folders that exist', () => {
    const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const first = 'src|binding|test|scripts|bench|docs|etc|store|adk|pool|wire|connection|node|engine';
    const paths = [...text.matchAll(new RegExp(`\`((?:${first})/[\\w./-]*)\``, 'g'))].map(([, path = '']) => path);
    const exists = (path: string) => ['', 'src', 'binding'].some((folder) => existsSync(join(root, folder, path)));
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !exists(path))).toEqual([]);
  });
});

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'binding/README.md',
  'RELIABILITY.md',
  'SECURITY.md',
  'UPGRADING.md',
  'bench/README.md',
  ...guides,
];
describe.each(documents)('%s', (name) => {
  const text = read(name);

  it('links only to files and headings that are there, not to folders', () => {
    const broken: string[] = [];
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(root, name) : join(root, dirname(name), path);
      const anchors = () => readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm);
      const isThere =
        statSync(file, { throwIfNoEntry: false })?.isFile() === true &&
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

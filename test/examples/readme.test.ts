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
};

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

describe('the documents for users', () => {
  const text = ['README.md', ...guides].map(read).join('\n');
  const reports = readdirSync(join(root, 'etc/api')).map((name) => readFileSync(join(root, 'etc/api', name), 'utf8'));

  it('name every option', () => {
    const options = reports.flatMap((report) =>
      [...report.matchAll(/^export interface \w*Options\b[^{]*\{([\s\S]*?)^\}/gm)].flatMap(([, body = '']) =>
        [...body.matchAll(/^ {4}(?:readonly )?(\w+)\??:/gm)].map(([, option = '']) => option),
      ),
    );
    expect(options).toContain('busyTimeoutMs');
    expect(options.filter((option) => !new RegExp(`\\b${option}\\b`).test(text))).toEqual([]);
  });

  it('name every function, class and method', () => {
    // Kysely calls the methods of its dialects, not the user.
    const names = reports.flatMap((report) => [
      ...[...report.matchAll(/^export (?:declare )?(?:function|class|const) (\w+)/gm)].map(([, name = '']) => name),
      ...[...report.matchAll(/^ {4}(?:static )?(\w+)(?:<.*>)?\(.*\): /gm)].map(([, method = '']) => method),
    ]);
    const called = names.filter((name) => !/^create(Adapter|Driver|Introspector|QueryCompiler)$/.test(name));
    expect(called).toContain('executeMany');
    expect([...new Set(called)].filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });

  it('name all of what aiosqlite of Python has', () => {
    /** The public names of version 0.22, except for Python's own protocols. */
    const python =
      'execute execute_insert execute_fetchall executemany executescript cursor commit rollback close stop interrupt ' +
      'in_transaction isolation_level row_factory text_factory total_changes create_function enable_load_extension ' +
      'load_extension set_authorizer set_progress_handler set_trace_callback iterdump backup fetchone fetchmany fetchall ' +
      'rowcount lastrowid arraysize description connection connect Row register_adapter register_converter ' +
      'sqlite_version sqlite_version_info Warning Error DatabaseError IntegrityError NotSupportedError OperationalError ' +
      'ProgrammingError';
    expect(python.split(' ').filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
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

  it('names only files and folders that there are', () => {
    const first = 'src|binding|test|scripts|bench|docs|examples|etc|store|adk|pool|wire|connection|node|engine';
    const paths = [...text.matchAll(new RegExp(`\`((?:${first})/[\\w./-]*)\``, 'g'))].map(([, path = '']) => path);
    const exists = (path: string) => ['', 'src', 'binding'].some((folder) => existsSync(join(root, folder, path)));
    const made = /node_modules|\.db$/;
    expect(paths.filter((path) => !exists(path) && !made.test(path))).toEqual([]);
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

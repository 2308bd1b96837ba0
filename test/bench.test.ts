import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { databases } from './support/databases.js';

const program = fileURLToPath(new URL('../bench/index.mjs', import.meta.url));

/** What is asked for wrongly is refused before anything is built, installed or measured. */
function bench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('npm run bench', () => {
  it('tells its flags with --help', () => {
    const { status, stdout } = bench('--help');
    expect(status).toBe(0);
    for (const flag of ['--scenario', '--driver', '--rounds', '--quick', '--json', '--check']) {
      expect(stdout).toContain(flag);
    }
  });

  it('exits 2 on an unknown flag and lists the right ones', () => {
    const { status, stdout, stderr } = bench('--fast');
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('--fast');
    expect(stderr).toContain('--quick');
  });

  it('exits 2 on an unknown scenario and lists the right ones', () => {
    const { status, stderr } = bench('--scenario', 'append');
    expect(status).toBe(2);
    expect(stderr).toContain('append-full-64');
  });

  it('exits 2 on an unknown driver and lists the right ones', () => {
    const { status, stderr } = bench('--driver', 'oracle');
    expect(status).toBe(2);
    expect(stderr).toContain('better-sqlite3-worker');
  });

  it('exits 2 on fewer than five rounds', () => {
    for (const rounds of ['4', '0', 'many', '5.5']) expect(bench('--rounds', rounds).status).toBe(2);
  });

  it('exits 2 when no chosen driver can do a chosen scenario', () => {
    expect(bench('--scenario', 'all-1000', '--driver', 'adk-memory').status).toBe(2);
  });

  it('lists every scenario and driver with --list', () => {
    const { status, stdout } = bench('--list');
    expect(status).toBe(0);
    for (const name of ['history-10000', 'growth-append', 'runner-turn', 'adk-database', 'node-sqlite3-wasm']) {
      expect(stdout).toContain(name);
    }
  });

  it('reads every target from a scenario that there is, and each from P1 to P28 but P23, which the ranking has, P30 to P32', async () => {
    // Not by its name in an import statement: bench/ is no part of what is type-checked.
    const load = (file: string) => import(new URL(`../bench/${file}`, import.meta.url).href);
    const [{ TARGETS, CHECKED }, { SCENARIOS }] = await Promise.all([load('targets.mjs'), load('scenarios/index.mjs')]);
    const names = SCENARIOS.map(({ name }: { name: string }) => name);
    expect(TARGETS.filter(({ scenario }: { scenario: string }) => !names.includes(scenario))).toEqual([]);
    const ids = new Set(TARGETS.map(({ id }: { id: string }) => id));
    expect([...ids]).toEqual([
      ...Array.from({ length: 22 }, (_, i) => `P${i + 1}`),
      'P24',
      'P25',
      'P26',
      'P27',
      'P28',
      'P30',
      'P31',
      'P32',
    ]);
    expect(new Set(CHECKED.map(({ id }: { id: string }) => id))).toEqual(new Set(['P1', 'P7', 'P9', 'P11']));
  });

  it('states P13 per operation: a mixed round that takes twice the sum of its operations alone doubles each', async () => {
    const { TARGETS, judge } = await import(new URL('../bench/targets.mjs', import.meta.url).href);
    const alone = (of: string, us: number) => ({ [`${of}AloneMain`]: us, [`${of}AloneThread`]: us / 2 });
    // Alone 1,000 appends take 4 ms and 100 reads 10 ms.
    const figures = { reads: 100, ...alone('append', 4), ...alone('read', 100) };
    const round = { operations: 1_000, wallMs: 30, mainMs: 28, threadMs: 7, figures };
    const peers = { ...round, figures: { ...figures, ...alone('read', 400) }, mainMs: 44 };
    const old = { ...round, figures: {} };
    const judged = (rounds: object[], peer: object[]) => {
      const rows = [
        { driver: 'aiosqlite', rounds },
        { driver: 'better-sqlite3', rounds: peer },
      ];
      return TARGETS.filter(({ id, what }: { id: string; what: string }) => id === 'P13' && what.includes('main')).map(
        (target: object) => {
          const { figure, onCore, verdict } = judge(target, [{ name: 'mixed', rows }]);
          return { figure, onCore, verdict };
        },
      );
    };
    expect(judged([round], [peers])).toEqual([
      { figure: '8.0 µs', onCore: '2.0 µs', verdict: 'met' },
      { figure: '0.50', onCore: '0.79', verdict: 'missed' },
    ]);
    for (const { verdict } of judged([old], [peers])) expect(verdict).toBe('not measured');
  });
});

describe('the corpus of the ranking', () => {
  const { file } = databases();

  it('is the questions of a page and the text below each, without numbers, markup, contents and navigation', async () => {
    const { loadCorpus } = await import(new URL('../bench/ranking/corpus.mjs', import.meta.url).href);
    const section = (level: number, heading: string, text: string) =>
      `<h${level} class="title" style="clear: both"><a id="x"></a>${heading}</h${level}>${text}`;
    mkdirSync(file('en/FAQ'), { recursive: true });
    writeFileSync(
      file('en/FAQ/basics.en.html'),
      `<body><div class="navheader"><p>Prev</p></div>${section(1, 'Chapter 7. Basics', '<div class="toc"><dl><dt>Q?</dt></dl></div>')}
      ${section(2, '7.1. What is <em>a</em> package?', '<p>Files &amp; what\nis &#x201c;needed&#8221; to install.</p>')}
      ${section(2, '7.2. An empty one', '')}
      ${section(3, '7.2.1. Why so long?', '<p>Because of the naming convention.</p>')}<div class="navfooter"><p>Next</p></div>`,
    );
    writeFileSync(file('en/FAQ/index.en.html'), section(2, 'Not a question', '<p>Long enough to be an answer.</p>'));
    expect(loadCorpus('en', file('.'))).toEqual({
      questions: ['What is a package?', 'Why so long?'],
      answers: ['Files & what is \u201cneeded\u201d to install.', 'Because of the naming convention.'],
    });
  });

  it('is refused in a language that there is none for, before anything is fetched', () => {
    const ranking = fileURLToPath(new URL('../bench/ranking.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [ranking, 'xx'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('there are en, de');
  });
});

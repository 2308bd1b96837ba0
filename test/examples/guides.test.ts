import { rmSync } from 'node:fs';
import { createPool, type Pool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  blocksOf,
  guides,
  labelOf,
  makeProject,
  PROGRAM_TIMEOUT_MS,
  programsOf,
  read,
  run,
} from './support/programs.js';

const documents = ['README.md', ...guides];
const blocks = documents.flatMap(blocksOf);
const whole = documents.flatMap(programsOf).filter(({ source }) => source === undefined);

describe('the programs in README.md and docs/', () => {
  let project: string;
  beforeAll(() => {
    project = makeProject();
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it.concurrent.each(whole.map((program) => [labelOf(program), program] as const))(
    '%s',
    async (_, program) => {
      const { error, stdout, stderr } = await run(project, program);
      expect(stderr).toBe('');
      expect(error).toBeNull();
      // A block below the program shows its output, or a comment beside each console.log does, or it prints nothing.
      const comments = [...program.code.matchAll(/^console\.log\(.*\); \/\/ (.+)$/gm)].map(([, text]) => `${text}\n`);
      expect(stdout).toBe(program.output ?? comments.join(''));
    },
    PROGRAM_TIMEOUT_MS + 5_000,
  );

  it('that are excerpts are word for word in the file that they name', () => {
    const wrong = blocks.filter(({ source, code }) => source !== undefined && !read(source).includes(code));
    expect(wrong.map(labelOf)).toEqual([]);
  });

  it('are the only code there: every other block is a shell command, SQL, or an excerpt of a tested file', () => {
    const tested = new Set(['js', 'ts', 'sh', 'sql']);
    const others = blocks.filter(({ source, language }) => source === undefined && !tested.has(language));
    expect(others.map((block) => `${labelOf(block)}: ${block.language}`)).toEqual([]);
  });
});

describe('the SQL in docs/', () => {
  const key = { appName: 'shop', userId: 'ada', sessionId: 's1' };
  let pool: Pool;
  beforeAll(async () => {
    pool = createPool(':memory:');
    const store = new SessionStore(pool);
    await store.createTables();
    await store.createSession({ ...key, user: { language: 'en' } });
    const event = { ...key, invocationId: 'i1', author: 'assistant', timestamp: Date.now(), actions: {} };
    const extra = { usageMetadata: { totalTokenCount: 12 } };
    await store.appendEvent({ ...event, id: 'e1', content: { parts: [{ text: 'Hello' }] }, extra });
    const parts = [{ functionCall: { id: 'c1', name: 'weather', args: {} } }];
    await store.appendEvent({ ...event, id: 'e2', content: { role: 'model', parts } });
  });
  afterAll(() => pool.close());

  it.each(blocks.filter(({ language }) => language === 'sql').map((block) => [labelOf(block), block] as const))(
    '%s',
    async (_, { code }) => {
      const rows = await pool.all(code);
      expect(rows).not.toEqual([]);
      // Each column has a value somewhere: a wrong path into JSON gives NULL.
      for (const column of Object.keys(rows[0] ?? {})) {
        expect(
          rows.some((row) => row[column] !== null),
          column,
        ).toBe(true);
      }
    },
  );
});

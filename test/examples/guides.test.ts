import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guides, labelOf, makeProject, PROGRAM_TIMEOUT_MS, programsOf, read, run } from './support/programs.js';

const programs = guides.flatMap(programsOf);
const whole = programs.filter(({ source }) => source === undefined);
const excerpts = programs.filter(({ source }) => source !== undefined);

let project: string;
beforeAll(() => {
  project = makeProject();
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the programs in docs/', () => {
  it('are there', () => {
    expect(whole).not.toEqual([]);
  });

  it.concurrent.each(whole.map((program) => [labelOf(program), program] as const))(
    '%s',
    async (_, program) => {
      const { error, stdout, stderr } = await run(project, program);
      expect(stderr).toBe('');
      expect(error).toBeNull();
      // A program that prints shows in the guide what.
      expect(stdout).toBe(program.output ?? '');
    },
    PROGRAM_TIMEOUT_MS + 5_000,
  );

  it('that are excerpts stand so in the file that they name', () => {
    const wrong = excerpts.filter(({ source, code }) => !read(source as string).includes(code));
    expect(wrong.map(labelOf)).toEqual([]);
  });
});

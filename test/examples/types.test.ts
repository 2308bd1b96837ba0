import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { folderOf, guides, labelOf, makeProject, type Program, programsOf, root } from './support/programs.js';

const posix = (path: string) => path.replaceAll('\\', '/');

let project: string;
let files: Map<string, Program>;
let compiled: ts.Program;

/** All programs of README.md and the guides, compiled by one compiler, as a strict user would. */
beforeAll(() => {
  project = makeProject();
  const programs = ['README.md', ...guides].flatMap(programsOf).filter(({ source }) => source === undefined);
  files = new Map(programs.map((program) => [posix(write(program)), program]));
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    {
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      allowJs: true,
      checkJs: true,
      strict: true,
      noUncheckedIndexedAccess: true, // this one and the next as `tsc --init` writes them
      exactOptionalPropertyTypes: true,
      noImplicitAny: false, // parameters of a guide's JavaScript have no types
      noUnusedLocals: true,
      noEmit: true,
    },
    project,
  );
  expect(errors).toEqual([]);
  compiled = ts.createProgram([...files.keys()], options);
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

it('the programs in README.md and docs/ have correct types', () => {
  expect(files.size).toBeGreaterThan(0);
  expect(errorsIn((path) => files.has(path))).toEqual([]);
});

it('the published types hold without skipLibCheck', () => {
  const published = posix(join(root, 'lib/'));
  expect(compiled.getSourceFiles().some(({ fileName }) => fileName.startsWith(published))).toBe(true);
  expect(errorsIn((path) => path.startsWith(published))).toEqual([]);
});

function write(program: Program): string {
  const folder = join(folderOf(project, program), 'types');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, program.language === 'ts' ? 'program.mts' : 'program.mjs');
  writeFileSync(file, program.code);
  return file;
}

function errorsIn(isMeant: (path: string) => boolean): string[] {
  return compiled
    .getSourceFiles()
    .filter(({ fileName }) => isMeant(fileName))
    .flatMap((file) => [...compiled.getSyntacticDiagnostics(file), ...compiled.getSemanticDiagnostics(file)])
    .map(({ file, start = 0, messageText }) => {
      const program = file && files.get(file.fileName);
      const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
      const where = program ? labelOf(program) : file?.fileName;
      return `${where}, line ${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
}

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

/** Loading ADK takes a second of a core, and five programs run at a time, on machines that others use, too. */
export const PROGRAM_TIMEOUT_MS = 150_000;

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** One block of code in a document. */
export interface Block {
  document: string;
  /** The heading above it. */
  title: string;
  language: string;
  /** The file that it is an excerpt of: the words after the language, as in "js examples/shop/server.mjs". */
  source: string | undefined;
  code: string;
  /** What it prints, if a block of the language "output" follows it directly. */
  output: string | undefined;
  /** Where it begins in the document. */
  line: number;
}

/** A block in JavaScript or TypeScript: a whole program, unless it names a source. */
export interface Program extends Block {
  language: 'js' | 'ts';
}

/** What users read. The tests of links, programs and names go through all of them. */
export const guides = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name.replaceAll('\\', '/')}`);

export function read(document: string): string {
  return readFileSync(join(root, document), 'utf8');
}

export function blocksOf(document: string): Block[] {
  const text = read(document);
  const blocks: Block[] = [];
  let title = '';
  const pattern = /^#+ (.+)$|^ *```(\w*)(?: (.+))?\n([\s\S]*?)^ *```$(?:\s+^```output\n([\s\S]*?)^```$)?/gm;
  for (const { 1: heading, 2: language, 3: source, 4: code, 5: output, index } of text.matchAll(pattern)) {
    if (heading !== undefined) title = heading;
    else {
      const line = text.slice(0, index).split('\n').length;
      blocks.push({ document, title, language: language as string, source, code: code as string, output, line });
    }
  }
  return blocks;
}

export function programsOf(document: string): Program[] {
  return blocksOf(document).filter((block): block is Program => block.language === 'js' || block.language === 'ts');
}

/** A name that says where to look when it fails. */
export function labelOf({ document, title, line }: Block): string {
  return `${document}:${line} ${title}`;
}

/** A project in a folder of its own that has installed the package, and the same libraries that the package finds. */
export function makeProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-documents-'));
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const link = (target: string, name: string) => {
    const path = join(folder, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(root, target), path, 'junction');
  };
  link('', 'aiosqlite');
  for (const name of ['@google/adk', '@langchain', '@openai', '@types', 'drizzle-orm', 'kysely'])
    link(`node_modules/${name}`, name);
  return folder;
}

/** A folder for one program, so that none finds a database file of another's. */
export function folderOf(project: string, program: Program): string {
  return join(project, `${program.document.replaceAll(/\W/g, '-')}-${program.line}`);
}

/** Runs it as a user would: what TypeScript and newer syntax make of it for Node 20, in a process of its own. */
export async function run(
  project: string,
  program: Program,
): Promise<{ error: Error | null; stdout: string; stderr: string }> {
  const folder = folderOf(project, program);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'program.mjs');
  const { language, code } = program;
  writeFileSync(file, language === 'ts' ? (await transform(code, { loader: 'ts', target: 'node20' })).code : code);
  const env = { ...process.env, GEMINI_API_KEY: undefined, NODE_TEST_CONTEXT: undefined, NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [file], { cwd: folder, env, timeout: PROGRAM_TIMEOUT_MS }, (error, stdout, stderr) =>
      resolve({ error, stdout, stderr }),
    );
  });
}

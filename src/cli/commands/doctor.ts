import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Check, checkDatabase, checkFolder, type Finding, run, selfTest } from '../checks.js';
import { coloured, print, printJson } from '../output.js';
import { readPackage } from '../package.js';
import type { Command } from '../vendor.js';

/** The output of `aiosqlite doctor --json`. */
interface Report {
  /** Whether no check has failed. */
  fit: boolean;
  versions: Record<string, string>;
  /** The file that was loaded. */
  addon: string | null;
  compileOptions: string[];
  folder: string;
  checks: Check[];
}

export function addDoctor(program: Command): Command {
  return program
    .command('doctor')
    .description('whether aiosqlite works here')
    .argument('[path]', 'a folder, by default the current one, or a database file', '.')
    .option('--json', 'the report as JSON')
    .addHelpText(
      'after',
      `
Looks at versions, at the native addon, and at the file system of the folder: it makes a folder of its own there and removes
it again. Of a database file it says whether it can be read, without a change to it.

Example:
  npx aiosqlite doctor ./data`,
    )
    .action(async (path: string, { json }: { json?: boolean }) => {
      const report = await doctor(path);
      if (json) printJson(report);
      else printReport(report);
      process.exitCode = report.fit ? 0 : 1;
    });
}

const COLOUR_OF = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

/** The report for people. */
function printReport({ fit, versions, addon, compileOptions, folder, checks }: Report): void {
  const names = [...Object.keys(versions), ...checks.map(({ name }) => name)];
  const width = Math.max(...names.map((name) => name.length));
  const line = (name: string, value: string) => print(`${name.padEnd(width)}  ${value}`);
  for (const [name, version] of Object.entries(versions)) line(name, version);
  line('addon', addon ?? 'not loaded');
  line('folder', folder);
  if (compileOptions.length > 0) line('SQLite', compileOptions.join(' '));
  print('');
  for (const { name, status, detail } of checks) {
    line(name, `${coloured(COLOUR_OF[status], status.padEnd(4))}  ${detail}`);
  }
  print(`\n${fit ? 'Fit for use.' : 'Not fit for use: see what has failed.'}`);
}

/** Looks at everything that aiosqlite needs, in a folder or at a database file and its folder; it never throws. */
async function doctor(path: string): Promise<Report> {
  const target = resolve(path);
  const isFile = statSync(target, { throwIfNoEntry: false })?.isFile() === true;
  const checks: Check[] = [await run('node', checkNode)];
  const report: Report = {
    fit: false,
    versions: versions(),
    addon: null,
    compileOptions: [],
    folder: isFile ? dirname(target) : target,
    checks,
  };
  const addon = await run('addon', () => loadAddon(report));
  checks.push(addon);
  // Without it there is nothing more to try.
  if (addon.status === 'ok') {
    checks.push(await run('self-test', selfTest));
    if (isFile) checks.push(await run('database', () => checkDatabase(target)));
    checks.push(...(await checkFolder(report.folder)));
  }
  report.fit = checks.every(({ status }) => status !== 'fail');
  return report;
}

function loadedAddons(): string[] {
  const { sharedObjects = [] } = (process.report?.getReport() ?? {}) as { sharedObjects?: string[] };
  return sharedObjects.filter((file) => file.endsWith('.node'));
}

async function loadAddon(report: Report): Promise<string> {
  const before = new Set(loadedAddons());
  const { connect, sqliteVersion } = await import('../../index.js');
  report.addon = loadedAddons().find((file) => !before.has(file)) ?? null;
  report.versions.sqlite = sqliteVersion;
  await using db = await connect(':memory:');
  const rows = await db.all<{ compile_options: string }>('PRAGMA compile_options');
  report.compileOptions = rows.map((row) => row.compile_options);
  return `SQLite ${sqliteVersion} from ${report.addon}`;
}

/** Versions of everything that matters, without loading the addon. */
function versions(): Record<string, string> {
  const { glibcVersionRuntime } =
    (process.report?.getReport() as { header?: { glibcVersionRuntime?: string } })?.header ?? {};
  const libc = glibcVersionRuntime ? `glibc ${glibcVersionRuntime}` : 'musl or other';
  return {
    aiosqlite: readPackage().version,
    node: process.versions.node,
    nodeApi: process.versions.napi ?? 'none',
    platform: `${process.platform} ${process.arch}`,
    ...(process.platform === 'linux' && { libc }),
    '@google/adk': versionOf('@google/adk') ?? 'not installed',
  };
}

/** Whether the package supports this Node. */
function checkNode(): Finding {
  const { engines, binary } = readPackage();
  const wanted = /(\d+)\.(\d+)/.exec(engines.node)?.slice(1).map(Number) as [number, number];
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const api = Math.max(...binary.napi_versions);
  if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
    return { status: 'fail', detail: `Node ${process.versions.node} is older than ${wanted.join('.')}` };
  }
  if (Number(process.versions.napi) < api) {
    return { status: 'fail', detail: `Node-API ${process.versions.napi} is older than ${api}` };
  }
  return `Node ${process.versions.node}, Node-API ${process.versions.napi}`;
}

function versionOf(name: string): string | undefined {
  // Not all packages let their package.json be asked for.
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version;
    } catch {
      // Not there: the next one.
    }
  }
  return undefined;
}

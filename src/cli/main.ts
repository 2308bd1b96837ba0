#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { doctor, type Report, readPackage } from './doctor.js';

const USAGE = `Usage: aiosqlite doctor [--json] [FOLDER | FILE]
       aiosqlite build

doctor says whether aiosqlite works here: versions, the native addon, and what the file system of FOLDER (by default the
current one) can do. Makes a folder of its own in FOLDER and removes it again. For a database FILE it also says whether the
file can be read, without a change to it, and then looks at its folder.

build compiles the addon of an installed package, for a platform that it brings no prebuilt one for. It needs CMake
3.15 and a C++17 compiler, says so if they are missing, and fetches nothing.

  --json       the report as JSON
  --help       this text
  --version    the version of aiosqlite

Exit code: 0 fit for use, or built; 1 not fit, or not built; 2 wrong arguments.`;

/** Runs the command; gives the exit code. */
async function main(args: string[]): Promise<number> {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean' }, version: { type: 'boolean' } } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    return misused((error as Error).message);
  }
  const [command, path = '.', ...more] = parsed.positionals;
  if (parsed.values.help) {
    console.log(USAGE);
    return 0;
  }
  if (parsed.values.version) {
    console.log(readPackage().version);
    return 0;
  }
  if (command === 'build') return buildFromSource(parsed.positionals.slice(1));
  if (command !== 'doctor')
    return misused(command === undefined ? 'A command is missing' : `No such command: ${command}`);
  if (more.length > 0) return misused('One folder or file at a time');
  const report = await doctor(path);
  if (parsed.values.json) console.log(JSON.stringify(report, null, 2));
  else printReport(report);
  return report.fit ? 0 : 1;
}

function buildFromSource(surplus: string[]): number {
  if (surplus.length > 0) return misused('build takes no arguments');
  const program = join(__dirname, '../../scripts/build-from-source.mjs');
  return spawnSync(process.execPath, [program], { stdio: 'inherit' }).status ?? 1;
}

/** The report for people. */
function printReport({ fit, versions, addon, compileOptions, folder, checks }: Report): void {
  const names = [...Object.keys(versions), ...checks.map(({ name }) => name)];
  const width = Math.max(...names.map((name) => name.length));
  const line = (name: string, value: string) => console.log(`${name.padEnd(width)}  ${value}`);
  for (const [name, version] of Object.entries(versions)) line(name, version);
  line('addon', addon ?? 'not loaded');
  line('folder', folder);
  if (compileOptions.length > 0) line('SQLite', compileOptions.join(' '));
  console.log();
  for (const { name, status, detail } of checks) line(name, `${status.padEnd(4)}  ${detail}`);
  console.log(`\n${fit ? 'Fit for use.' : 'Not fit for use: see what has failed.'}`);
}

function misused(why: string): number {
  console.error(`${why}\n\n${USAGE}`);
  return 2;
}

main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});

#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { doctor } from './doctor.js';
import { printReport } from './print.js';

const USAGE = `Usage: aiosqlite doctor [--json] [FOLDER]

Says whether aiosqlite works here: versions, the native addon, and what the file system of FOLDER (by default the
current one) can do. Makes a folder of its own in FOLDER and removes it again.

  --json       the report as JSON
  --help       this text
  --version    the version of aiosqlite

Exit code: 0 fit for use, 1 not fit, 2 wrong arguments.`;

/** Runs the command; gives the exit code. */
async function main(args: string[]): Promise<number> {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean' }, version: { type: 'boolean' } } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    return misused((error as Error).message);
  }
  const [command, folder = '.', ...more] = parsed.positionals;
  if (parsed.values.help) {
    console.log(USAGE);
    return 0;
  }
  if (parsed.values.version) {
    const { readPackage } = await import('./versions.js');
    console.log(readPackage().version);
    return 0;
  }
  if (command !== 'doctor')
    return misused(command === undefined ? 'A command is missing' : `No such command: ${command}`);
  if (more.length > 0) return misused('One folder at a time');
  const report = await doctor(folder);
  if (parsed.values.json) console.log(JSON.stringify(report, null, 2));
  else printReport(report);
  return report.fit ? 0 : 1;
}

function misused(why: string): number {
  console.error(`${why}\n\n${USAGE}`);
  return 2;
}

process.exitCode = await main(process.argv.slice(2));

#!/usr/bin/env node
import { addBackup } from './commands/backup.js';
import { addBuild } from './commands/build.js';
import { addCheck } from './commands/check.js';
import { addCopy } from './commands/copy.js';
import { addDoctor } from './commands/doctor.js';
import { addExport } from './commands/export.js';
import { addImport } from './commands/import.js';
import { addInspect } from './commands/inspect.js';
import { addPrune } from './commands/prune.js';
import { addTail } from './commands/tail.js';
import { addWeb } from './commands/web.js';
import { Misuse } from './failure.js';
import { writesLines } from './output.js';
import { readPackage } from './package.js';
import { Command, CommanderError } from './vendor.js';

const COMMANDS = [
  addDoctor,
  addBuild,
  addWeb,
  addInspect,
  addTail,
  addCheck,
  addBackup,
  addPrune,
  addExport,
  addImport,
  addCopy,
];

const EPILOGUE = `
Each command has --help, with an example, and --json.
Exit code: 0 done; 1 failed, or not fit; 2 wrong arguments.`;

function program(): Command {
  const root = new Command('aiosqlite');
  root.exitOverride().showHelpAfterError().helpCommand(false);
  root.version(readPackage().version, '--version', 'the version of aiosqlite');
  root.helpOption('--help', 'this text');
  for (const add of COMMANDS) add(root).helpOption('--help', 'this text');
  root.configureHelp({
    formatHelp: (command, helper) => (command === root ? overview(root) : helperOf(command, helper)),
  });
  return root;
}

/** The usage of every command. */
function overview({ commands }: Command): string {
  const usages = commands.map((command) => `aiosqlite ${command.name()} ${command.usage()}`);
  const width = Math.max(...usages.map(({ length }) => length));
  const lines = commands.map((command, at) => `${(usages[at] as string).padEnd(width)}  ${command.description()}`);
  return `Usage: ${lines.join('\n       ')}\n${EPILOGUE}\n`;
}

type Helper = ReturnType<Command['createHelp']>;

function helperOf(command: Command, helper: Helper): string {
  return Object.getPrototypeOf(helper).formatHelp.call(helper, command, helper);
}

/** Runs a command; gives the exit code. */
async function main(args: string[]): Promise<number> {
  let exitCode = 0;
  try {
    await program().parseAsync(args, { from: 'user' });
    exitCode = Number(process.exitCode ?? 0);
  } catch (error) {
    exitCode = exitCodeOf(error);
  }
  return exitCode;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { message } = error as Error;
  process.stderr.write(`aiosqlite: ${message}\n`);
  if (error instanceof Misuse) {
    process.stderr.write('aiosqlite COMMAND --help shows its arguments\n');
    return 2;
  }
  return 1;
}

// The reader of a pipe may leave at any time, as `head` does. What is there for its output alone ends; work goes on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(exitCodeOf(error));
  if (writesLines()) process.exit(0);
});
process.stderr.on('error', () => {}); // a lost message changes neither the work nor its exit code

main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { type Address, startPostgres } from '../../scripts/postgres.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresFolder: string;
  }
}

/** The outcome of starting the server, in a file: its address, or why there is none. */
interface Outcome {
  address?: Address;
  pid?: number;
  failure?: string;
}

/** Runs once for all test files: gives them a folder for the server, which stops at the end if one of them has started it. */
export default function setup({ provide }: TestProject): () => Promise<void> {
  // A short path: that of a Unix socket has some 100 bytes.
  const folder = mkdtempSync('/tmp/aiosqlite-pg-');
  // The server runs as another user if this one is root.
  chmodSync(folder, 0o711);
  provide('postgresFolder', folder);
  return async () => {
    const { pid } = readOutcome(folder) ?? {};
    if (pid !== undefined) await end(pid);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
}

/** SIGQUIT: PostgreSQL's immediate shutdown. */
async function end(pid: number): Promise<void> {
  for (let signal: NodeJS.Signals | 0 = 'SIGQUIT'; ; signal = 0) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    await sleep(20);
  }
}

/** The server of this run, started by the first test file that asks for it. */
export async function serverIn(folder: string): Promise<Outcome> {
  if (claim(folder)) writeOutcome(folder, start(folder));
  for (;;) {
    const outcome = readOutcome(folder);
    if (outcome) return outcome;
    await sleep(50);
  }
}

function start(folder: string): Outcome {
  try {
    // Tests kill processes, not machines: what the operating system has is safe.
    const server = startPostgres(mkdirIn(folder, 's'), { fsync: 'off', max_connections: 300 });
    return { address: server.address, pid: server.pid() };
  } catch (error) {
    return { failure: String(error) };
  }
}

function claim(folder: string): boolean {
  try {
    mkdirSync(join(folder, 'starting'));
    return true;
  } catch {
    return false;
  }
}

function mkdirIn(folder: string, name: string): string {
  mkdirSync(join(folder, name));
  return join(folder, name);
}

const fileIn = (folder: string) => join(folder, 'server.json');

function readOutcome(folder: string): Outcome | undefined {
  return existsSync(fileIn(folder)) ? JSON.parse(readFileSync(fileIn(folder), 'utf8')) : undefined;
}

function writeOutcome(folder: string, outcome: Outcome): void {
  writeFileSync(`${fileIn(folder)}.new`, JSON.stringify(outcome));
  renameSync(`${fileIn(folder)}.new`, fileIn(folder));
}

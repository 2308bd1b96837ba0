import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a child process ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
}

export interface Child {
  process: ChildProcess;
  /** What it has written so far. */
  readonly stdout: string;
  /** Resolves once its output holds `text`; rejects if it ends before. */
  said(text: string): Promise<void>;
  ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  /** Kills it, if it still runs. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a script of this folder, or of another one by its URL, in a process of its own. */
export function start(script: string | URL, args: (string | number)[] = [], execArgv: string[] = []): Child {
  const path = fileURLToPath(typeof script === 'string' ? new URL(`children/${script}`, import.meta.url) : script);
  const began = performance.now();
  const { NODE_OPTIONS: _, VITEST: __, ...env } = process.env;
  const child = spawn(process.execPath, [...execArgv, path, ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env,
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, ms: performance.now() - began }));
  });
  return {
    process: child,
    get stdout() {
      return stdout;
    },
    said(text) {
      return new Promise((resolve, reject) => {
        const look = () => {
          if (!stdout.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then((end) => reject(new Error(`the child ended without "${text}": ${JSON.stringify(end)}`)));
      });
    },
    ended,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs a script to its end. One that takes longer than `limitMs` is killed, which its signal tells. */
export async function run(
  script: string | URL,
  args: (string | number)[] = [],
  execArgv: string[] = [],
  limitMs = 150_000,
): Promise<Ended> {
  const child = start(script, args, execArgv);
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  try {
    return await child.ended;
  } finally {
    clearTimeout(timer);
  }
}

/** A process that holds a lock on a database until it is released. */
export async function lock(
  database: string,
  mode: 'IMMEDIATE' | 'EXCLUSIVE' = 'IMMEDIATE',
): Promise<AsyncDisposable & { release(): Promise<void> }> {
  const child = start('lock.mjs', [database, mode]);
  await child.said('locked');
  return {
    async release() {
      child.process.stdin?.end();
      await child.ended;
    },
    [Symbol.asyncDispose]: child[Symbol.asyncDispose],
  };
}

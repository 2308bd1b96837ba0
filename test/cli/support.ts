import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const pack = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const program = join(root, pack.bin.aiosqlite);

const environment = () => {
  const { NODE_OPTIONS: _, VITEST: __, ...env } = process.env;
  return env;
};

/** Runs a command to its end. */
export function run(args: string[], options: { input?: string | Uint8Array; cwd?: string } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: environment(),
    maxBuffer: 2 ** 28,
    ...options,
  });
  return { status, stdout, stderr, json: () => JSON.parse(stdout) };
}

/** A command that goes on. */
export class Running implements AsyncDisposable {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(args: string[], cwd?: string) {
    this.child = spawn(process.execPath, [program, ...args], { env: environment(), ...(cwd ? { cwd } : {}) });
    this.child.stdout!.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => this.child.once('exit', (code) => resolve(code)));
  }

  /** Waits for a condition, as long as the command runs. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.child.exitCode !== null) throw new Error(`it ended with ${this.child.exitCode}: ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

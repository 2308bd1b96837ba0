import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const running = new Set();
let stopped = false;

/** A process of run/child.mjs. Its calls reject when it crashes, answers with an error, or takes too long. */
export class ChildProcess {
  #child;
  #output = '';
  #waiting;
  #end;
  #timeoutMs;

  constructor(execPath, timeoutMs) {
    if (stopped) throw new Error('stopped');
    this.#timeoutMs = timeoutMs;
    this.#child = fork(fileURLToPath(new URL('./child.mjs', import.meta.url)), [], {
      execPath,
      execArgv: ['--expose-gc', '--no-warnings', '--max-old-space-size=8192'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // ADK logs to standard output.
      env: { ...process.env, NODE_ENV: 'production' },
    });
    running.add(this);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (chunk) => {
        this.#output = (this.#output + chunk).slice(-2_000);
      });
    }
    this.#child.on('message', ({ answer, error }) =>
      this.#settle(error === undefined ? undefined : new Error(error), answer),
    );
    this.#child.on('error', (error) => this.#settle(error));
    this.#end = new Promise((resolve) => {
      this.#child.on('exit', (code, signal) => {
        running.delete(this);
        const lines = this.#output.trim().split('\n');
        const said = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
        this.#settle(new Error(`ended with ${signal ?? `exit code ${code}`}${said && `: ${said}`}`));
        resolve();
      });
    });
  }

  #settle(error, answer) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    if (error) waiting.reject(error);
    else waiting.resolve(answer);
  }

  call(command, args = {}) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(new Error(`took longer than ${this.#timeoutMs / 1_000} s`));
        this.#child.kill('SIGKILL');
      }, this.#timeoutMs);
      this.#waiting = { resolve, reject, timer };
      if (!this.#child.connected) return this.#settle(new Error('has ended'));
      this.#child.send({ command, ...args }, (error) => error && this.#settle(error));
    });
  }

  /** Lets it close its files; whether it does or not, it is gone afterwards. */
  async close() {
    await this.call('close').catch(() => {});
    await this.kill();
  }

  kill() {
    this.#child.kill('SIGKILL');
    return this.#end;
  }
}

/** Ends every process that is left, and lets no new one begin. */
export async function killAll() {
  stopped = true;
  await Promise.all([...running].map((child) => child.kill()));
}

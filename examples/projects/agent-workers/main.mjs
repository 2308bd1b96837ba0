import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { connect } from 'aiosqlite';

const [file = 'agents.db', count = '12'] = process.argv.slice(2);

/** A worker, and the answers that are awaited from it. */
class Agent {
  #worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: { file } });
  #waiting = new Map();
  #calls = 0;

  constructor() {
    this.#worker.on('message', ({ call, text, error }) => {
      const { resolve, reject } = this.#waiting.get(call);
      this.#waiting.delete(call);
      if (error) reject(new Error(error));
      else resolve(text);
    });
    this.#worker.on('error', (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
    });
  }

  ask(userId, text) {
    this.#calls += 1;
    this.#worker.postMessage({ call: this.#calls, userId, text });
    return new Promise((resolve, reject) => this.#waiting.set(this.#calls, { resolve, reject }));
  }

  /** Lets it close its file and end by itself. */
  async close() {
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.postMessage(null);
    return ended;
  }
}

const agents = Array.from({ length: Math.min(4, Math.max(2, availableParallelism())) }, () => new Agent());
const users = Array.from({ length: Number(count) }, (_, i) => `user ${i}`);

// Any worker may serve any user: the session is in the file, not in the worker.
for (const question of [27, 30]) {
  const answers = await Promise.all(
    users.map((user, i) => agents[(i + question) % agents.length]?.ask(user, `${question}`)),
  );
  console.log(answers[0]);
}
await Promise.all(agents.map((agent) => agent.close()));

const db = await connect(file, { readonly: true });
console.log(await db.get('SELECT count(*) AS sessions FROM adk_sessions'));
console.log(await db.get('SELECT count(*) AS events FROM adk_events'));
await db.close();

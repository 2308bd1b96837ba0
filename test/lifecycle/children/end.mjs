// Ends in a given state, in a given way: end.mjs STATE WAY FILE
import { writeSync } from 'node:fs';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { states } from './states.mjs';

const [, , state = '', way, file = ''] = process.argv;

if (way === 'terminate') {
  // Busy: calls from SQL are not answered any more, and yet wait for nothing.
  const busy = state === 'calling a function';
  const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: { state, file, busy } });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
  console.log('terminated');
} else {
  // The same ends, when it is a function called by SQL that brings them about.
  const inside = () => {
    if (way === 'return') return;
    writeSync(1, 'ready\n');
    end();
    while (way === 'SIGTERM');
  };
  await states[state]?.(file, way === 'return', inside);
  console.log('ready');
  end();
}

function end() {
  if (way === 'exit') process.exit(7);
  if (way === 'throw') {
    setTimeout(() => {
      throw new Error('uncaught');
    });
  }
  // SIGTERM comes from outside.
  if (way === 'SIGTERM') setInterval(() => {}, 1_000);
}

// Ends in a given state, in a given way: end.mjs STATE WAY FILE
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { states } from './states.mjs';

const [, , state = '', way, file = ''] = process.argv;

if (way === 'terminate') {
  const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: { state, file } });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
  console.log('terminated');
} else {
  await states[state]?.(file, way === 'return');
  console.log('ready');
  if (way === 'exit') process.exit(7);
  if (way === 'throw') {
    setTimeout(() => {
      throw new Error('uncaught');
    });
  }
  // SIGTERM comes from outside.
  if (way === 'SIGTERM') setInterval(() => {}, 1_000);
}

// A worker thread that reaches a state, says so, and waits for its end; `busy`: without a turn of its event loop.
import { parentPort, workerData } from 'node:worker_threads';
import { states } from './states.mjs';

const inside = () => {
  parentPort?.postMessage('ready');
  for (;;);
};
await states[workerData.state]?.(workerData.file, false, inside);
parentPort?.postMessage('ready');
while (workerData.busy);
setInterval(() => {}, 1_000);

// A worker thread that reaches a state, says so, and waits for its end.
import { parentPort, workerData } from 'node:worker_threads';
import { states } from './states.mjs';

await states[workerData.state]?.(workerData.file, false);
parentPort?.postMessage('ready');
setInterval(() => {}, 1_000);

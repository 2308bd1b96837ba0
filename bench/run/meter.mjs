import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { quantile } from './statistics.mjs';

/** Nanoseconds that this thread has spent on a core, NaN where the system does not tell. */
export function threadCpuNs() {
  if (process.threadCpuUsage) {
    const { user, system } = process.threadCpuUsage();
    return (user + system) * 1_000;
  }
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]);
  } catch {
    return Number.NaN;
  }
}

/**
 * How long something that happens at a random moment waits for the loop. A timer that is late by 5 ms stands for a
 * millisecond with 5 ms to wait, one with 4 and so on: what `monitorEventLoopDelay` leaves out.
 */
class DelayMeter {
  #delays = [];
  #due = 0;
  #timer;

  start() {
    this.#due = performance.now() + 1;
    this.#timer = setInterval(() => this.#tick(), 1);
  }

  #tick() {
    const now = performance.now();
    for (let late = now - this.#due; late > 0; late -= 1) this.#delays.push(late);
    this.#due = Math.max(now, this.#due) + 1;
  }

  /** Milliseconds that 99 of 100 wait at most. */
  stop() {
    this.#tick();
    clearInterval(this.#timer);
    return quantile(this.#delays, 0.99) || 0;
  }
}

/**
 * What a piece of work takes. `mainMs`: the JavaScript thread was not idle, blocked in a system call included, which is
 * what a service feels. `threadMs`: it was on a core. `processMs`: all threads were.
 *
 * @param {() => unknown} work
 */
export async function measure(work) {
  const delay = new DelayMeter();
  delay.start();
  const process0 = process.cpuUsage();
  const thread0 = threadCpuNs();
  const loop0 = performance.eventLoopUtilization();
  const start = performance.now();
  const result = await work();
  const wallMs = performance.now() - start;
  const { active } = performance.eventLoopUtilization(loop0);
  const threadMs = (threadCpuNs() - thread0) / 1e6;
  const { user, system } = process.cpuUsage(process0);
  const delayP99Ms = delay.stop();
  return {
    result,
    wallMs,
    mainMs: active,
    threadMs,
    processMs: (user + system) / 1_000,
    utilization: active / wallMs,
    delayP99Ms,
    rssBytes: process.memoryUsage.rss(),
  };
}

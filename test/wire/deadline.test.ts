import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Deadline, LONGEST_TIMER_MS, onAbort } from '../../lib/wire/deadline.js';
import { rejection } from '../support/rejection.js';
import { sleep } from '../support/time.js';

const late = () => new Error('late');
describe('onAbort()', () => {
  test('keeps one listener on a signal, however many calls share it', () => {
    const stop = new AbortController();
    const called: number[] = [];
    const forget = Array.from({ length: 50 }, (_, i) => onAbort(stop.signal, () => called.push(i)));
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
    for (const each of forget.slice(2)) each();
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
    stop.abort();
    expect(called).toEqual([0, 1]);
    for (const each of forget) each();
  });

  test('leaves nothing behind when all have been forgotten, and starts anew after that', () => {
    const stop = new AbortController();
    let called = 0;
    const call = () => called++;
    for (let i = 0; i < 3; i++) {
      const [one, two] = [onAbort(stop.signal, call), onAbort(stop.signal, () => call())];
      expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
      one();
      one();
      two();
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    }
    onAbort(stop.signal, call);
    stop.abort();
    expect(called).toBe(1);
  });
});

describe('a watch', () => {
  /** Why it expires. */
  const reasonOf = async (watch: Deadline) => {
    expect(await rejection(watch.expired)).toBe(watch);
    return watch.reason();
  };

  test('expires when its time is up, with the error that it is given', async () => {
    const began = performance.now();
    const watch = new Deadline(undefined, 20, late);
    expect(watch.hasExpired).toBe(false);
    await rejection(watch.expired);
    expect(performance.now() - began).toBeGreaterThan(15);
    expect(await reasonOf(watch)).toMatchObject({ message: 'late' });
    expect(watch.hasExpired).toBe(true);
  });

  test('expires at once when no time is left', async () => {
    expect(await reasonOf(new Deadline(undefined, -5, late))).toMatchObject({ message: 'late' });
  });

  test('expires when its signal is aborted, with the reason', async () => {
    const stop = new AbortController();
    const watch = new Deadline(stop.signal, undefined, late);
    stop.abort('reason');
    expect(watch.hasExpired).toBe(true);
    expect(await reasonOf(watch)).toBe('reason');
  });

  test('has expired from the start when its signal is aborted already', async () => {
    const watch = new Deadline(AbortSignal.abort('reason'), 1_000, late);
    expect(watch.hasExpired).toBe(true);
    expect(await reasonOf(watch)).toBe('reason');
    watch.stop();
  });

  test('keeps the first of several reasons', async () => {
    const stop = new AbortController();
    const watch = new Deadline(stop.signal, 10, late);
    watch.expire(() => 'first');
    stop.abort('second');
    await sleep(20);
    expect(await reasonOf(watch)).toBe('first');
  });

  test('that is stopped never expires, and leaves nothing on the signal', async () => {
    const stop = new AbortController();
    const watch = new Deadline(stop.signal, 10, late);
    watch.stop();
    await sleep(30);
    stop.abort();
    expect(watch.hasExpired).toBe(false);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('waits for ever where no timer can wait so long', async () => {
    const watch = new Deadline(undefined, LONGEST_TIMER_MS + 1, late);
    await sleep(10);
    expect(watch.hasExpired).toBe(false);
    watch.stop();
  });

  test('that nobody races with is no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    new Deadline(undefined, 1, late);
    await sleep(20);
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

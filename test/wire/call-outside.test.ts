import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { native } from '../../lib/wire/native.js';

const requests = new AsyncLocalStorage<string>();

test('callOutside() calls in no asynchronous context, and what is started there stays in none', async () => {
  const seen: unknown[] = [];
  await requests.run('request', async () => {
    await undefined;
    await new Promise<void>((resolve) => {
      native().callOutside(() => {
        seen.push(requests.getStore());
        setTimeout(() => {
          seen.push(requests.getStore());
          resolve();
        });
      });
      seen.push(requests.getStore());
    });
  });
  expect(seen).toEqual([undefined, 'request', undefined]);
});

test('callOutside() throws what the function throws', () => {
  const fail = () => {
    throw new Error('thrown');
  };
  expect(() => requests.run('request', () => native().callOutside(fail))).toThrow('thrown');
});

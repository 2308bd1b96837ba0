import { connect } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { expect } from 'vitest';
import { start } from '../support/child.js';

const PROCESSES = ['a', 'b', 'c', 'd'];
const WRITERS = 4;
const script = new URL('children/append.mjs', import.meta.url);

/**
 * Four processes with four writers each create the tables of a new file at the same moment and append `count` events per
 * writer to four common sessions, `handles` of the writers through ADK's service. Throws if an append was refused, is missing, or has not reached the states.
 */
export async function contend(file: string, count: number, handles: number): Promise<{ appends: number; ms: number }> {
  const children = PROCESSES.map((name) => start(script, [name, file, count, handles]));
  try {
    await Promise.all(children.map((child) => child.said('ready')));
    const began = performance.now();
    for (const child of children) child.process.stdin?.write('go\n');
    for (const child of children) {
      const end = await child.ended;
      expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
      expect(JSON.parse(end.stdout.slice('ready\n'.length))).toEqual([]);
    }
    const ms = performance.now() - began;
    await expectAll(file, count);
    return { appends: PROCESSES.length * WRITERS * count, ms };
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
}

async function expectAll(file: string, count: number): Promise<void> {
  await using db = await connect(file);
  expect(await db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  const store = new SessionStore(db);
  const authors = PROCESSES.flatMap((name) => Array.from({ length: WRITERS }, (_, writer) => `${name}${writer}`));
  const wanted = authors.flatMap((author) => Array.from({ length: count }, (_, n) => `${author}-${n}`));
  const found: string[] = [];
  for (let at = 0; at < 4; at++) {
    const key = { appName: 'app', userId: 'ada', sessionId: `s${at}` };
    const events = await store.getEvents(key);
    const session = await store.getSession(key);
    found.push(...events.map(({ id }) => id));
    // One revision for each append, and none has undone the state of another.
    expect(session?.revision).toBe(1 + events.length);
    const last = Object.fromEntries(events.map(({ id }) => id.split('-') as [string, string]));
    expect(session?.state).toEqual(Object.fromEntries(Object.entries(last).map(([author, n]) => [author, Number(n)])));
    // Each writer's own events stand in the order in which it made them.
    for (const author of authors) {
      const own = events.filter((event) => event.author === author).map(({ id }) => Number(id.split('-')[1]));
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
  }
  expect(found.toSorted()).toEqual(wanted.toSorted());
  const shared = Object.fromEntries(authors.map((author) => [author, count - 1]));
  expect(await store.getUserState('app', 'ada')).toEqual(shared);
  expect(await store.getAppState('app')).toEqual(shared);
}

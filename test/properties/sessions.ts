import { deepStrictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEvent, type Event, type Session } from '@google/adk';
import { type PostgresSessionService, SqliteSessionService } from 'aiosqlite/adk';
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Budget, check } from './check.js';

/**
 * Trees of agents' events through the session service, in several sessions and users at once, compared with a model
 * that is a list of events and three objects per session. Keys are of all kinds: what attacks objects, what attacks SQL.
 */
const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '',
    '$row',
    '$$row',
    'a"b',
    "a'b",
    'a.b',
    '[0]',
    '\0',
    'ä',
    '\u{1f600}',
    '%',
    'app:',
    'x:y',
    'length',
  ),
  fc.string({ maxLength: 4 }),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.string({ maxLength: 8 }),
    fc.constantFrom(null, true, false, 0, 1.5, -1e300, 2 ** 53, '\0', '\u2028', '\ud83d\ude00', '"}', '\\'),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((double) => double + 0),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie('json')), { maxLength: 3 }).map(toObject),
  ),
}));

/** Object.fromEntries makes `__proto__` a key like any other. */
function toObject(entries: [string, unknown][]): Record<string, unknown> {
  return Object.fromEntries(entries);
}
const object = fc.array(fc.tuple(name, json), { maxLength: 3 }).map(toObject);
const delta = fc
  .array(
    fc.tuple(fc.constantFrom('', '', 'app:', 'user:', 'temp:'), name, fc.oneof(json, json, fc.constant(undefined))),
    {
      maxLength: 4,
    },
  )
  .map((entries) => toObject(entries.map(([prefix, key, value]) => [prefix + key, value])));

const fields = fc.record(
  {
    invocationId: fc.string({ maxLength: 5 }),
    author: fc.constantFrom('user', 'root', 'child one', "o'brien", ''),
    branch: fc.array(fc.constantFrom('root', 'child', 'leaf', 'a.b'), { maxLength: 4 }).map((path) => path.join('.')),
    content: fc.record({
      role: fc.constantFrom('user', 'model'),
      parts: fc.array(fc.record({ text: fc.string({ unit: 'grapheme' }) }), { maxLength: 2 }),
    }),
    groundingMetadata: object,
    customMetadata: object,
    longRunningToolIds: fc.array(fc.string({ maxLength: 4 }), { maxLength: 2 }),
    turnComplete: fc.boolean(),
    interrupted: fc.boolean(),
    errorCode: fc.string({ maxLength: 4 }),
    errorMessage: fc.string({ maxLength: 4 }),
    usageMetadata: object,
    aFieldOfTheFuture: json,
  },
  { requiredKeys: ['author'] },
);
const step = fc.record({
  what: fc.constantFrom('append', 'append', 'append', 'append', 'again', 'partial', 'create', 'delete', 'fresh handle'),
  session: fc.nat({ max: 4 }),
  fields,
  /** Fields that ADK does not know. */
  more: object,
  delta,
  timestamp: fc.oneof(fc.integer({ min: 0, max: 2_000_000_000_000 }), fc.double({ min: 0, max: 2e12, noNaN: true })),
  /** Whether the next step begins before this one has ended, as with agents that run in parallel. */
  parallel: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Two users share an app, and two of the sessions differ only in what separators could confuse. */
const KEYS = [
  { appName: 'app', userId: 'ada', sessionId: 's1' },
  { appName: 'app', userId: 'ada', sessionId: "s'; DROP TABLE adk_events; --" },
  { appName: 'app', userId: 'bob', sessionId: 's1' },
  { appName: 'app2', userId: 'ada', sessionId: 's1' },
  { appName: 'app', userId: 'ada"s', sessionId: '1' },
];
type Key = (typeof KEYS)[number];

const normal = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const isTemp = (key: string) => key.startsWith('temp:');
const withoutTemp = (values: Record<string, unknown>) =>
  toObject(Object.entries(values).filter(([key]) => !isTemp(key)));

/** What is stored, without SQL. */
class Model {
  readonly events = new Map<number, Event[]>();
  readonly #own = new Map<number, Map<string, unknown>>();
  readonly #shared = new Map<string, Map<string, unknown>>();

  create(at: number, state: Record<string, unknown>): void {
    this.events.set(at, []);
    this.#own.set(at, new Map());
    this.merge(at, state);
  }

  delete(at: number): void {
    this.events.delete(at);
    this.#own.delete(at);
  }

  append(at: number, event: Event): void {
    const list = this.events.get(at) as Event[];
    const stored = normal(event) as Event;
    if (stored.actions?.stateDelta) stored.actions.stateDelta = withoutTemp(stored.actions.stateDelta);
    const same = list.findIndex(({ id }) => id === event.id);
    if (same < 0) list.push(stored);
    else list[same] = stored;
    this.merge(at, event.actions?.stateDelta ?? {});
  }

  merge(at: number, values: Record<string, unknown>): void {
    const { appName, userId } = KEYS[at] as Key;
    for (const [key, value] of Object.entries(values)) {
      if (isTemp(key)) continue;
      const scope = key.startsWith('app:')
        ? JSON.stringify([appName])
        : key.startsWith('user:')
          ? JSON.stringify([appName, userId])
          : undefined;
      const state = scope === undefined ? this.#own.get(at) : this.#scope(scope);
      if (value === undefined) state?.delete(key);
      else state?.set(key, normal(value));
    }
  }

  state(at: number): Record<string, unknown> {
    const { appName, userId } = KEYS[at] as Key;
    const maps = [
      this.#own.get(at) ?? [],
      this.#scope(JSON.stringify([appName])),
      this.#scope(JSON.stringify([appName, userId])),
    ];
    return toObject(maps.flatMap((map) => [...map]));
  }

  #scope(key: string): Map<string, unknown> {
    const map = this.#shared.get(key) ?? new Map<string, unknown>();
    this.#shared.set(key, map);
    return map;
  }
}

type Service = SqliteSessionService | PostgresSessionService;

/** A database of its own for each case. */
export interface Place {
  /** Opens a service that knows nothing of what others have done. */
  open(): Service;
  remove(): Promise<void> | void;
}

function makeFolder(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-property-'));
  const options = { database: join(folder, 'agent.db'), synchronous: 'off', poolSize: 2 } as const;
  return {
    open: () => new SqliteSessionService(options),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function isKept(steps: Step[], { open, remove }: Place): Promise<void> {
  const service = open();
  const model = new Model();
  const handles = new Map<number, Session>();
  const under: Promise<unknown>[] = [];
  const settle = async () => void (await Promise.all(under.splice(0)));
  let ids = 0;
  try {
    for (const { what, session: at, fields: given, more, delta: stateDelta, timestamp, parallel } of steps) {
      const key = KEYS[at] as Key;
      if (what === 'create' || !handles.has(at)) {
        await settle();
        if (handles.has(at)) {
          await expect(service.createSession(key)).rejects.toMatchObject({ code: 'ADK_SESSION_EXISTS' });
        } else {
          handles.set(at, await service.createSession({ ...key, state: stateDelta }));
          model.create(at, stateDelta);
        }
        continue;
      }
      const session = handles.get(at) as Session;
      if (what === 'delete') {
        await settle();
        await service.deleteSession(key);
        await expect(
          service.appendEvent({ session, event: createEvent({ id: 'late', author: 'user' }) }),
        ).rejects.toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
        handles.delete(at);
        model.delete(at);
        continue;
      }
      if (what === 'fresh handle') {
        await settle();
        handles.set(at, (await service.getSession(key)) as Session);
        continue;
      }
      const events = model.events.get(at) as Event[];
      const id = what === 'again' && events.length > 0 ? (events[ids % events.length] as Event).id : `e${ids++}`;
      const event = createEvent({
        ...more,
        ...(given as object),
        id,
        timestamp,
        partial: what === 'partial' ? true : undefined,
      } as never);
      event.actions.stateDelta = stateDelta;
      if (what !== 'partial') model.append(at, event);
      under.push(service.appendEvent({ session, event }));
      if (!parallel) await settle();
    }
    await settle();
    for (const [at, session] of handles) deepStrictEqual(normal(session.events), normal(model.events.get(at)));
  } finally {
    await service.close();
  }
  await isSame(open(), model);
  await remove();
}

/** What a service that has seen nothing yet reads. */
async function isSame(service: Service, model: Model): Promise<void> {
  try {
    for (const [at, key] of KEYS.entries()) {
      const session = await service.getSession(key);
      expect(session !== undefined).toBe(model.events.has(at));
      if (session === undefined) continue;
      deepStrictEqual(normal(session.events), normal(model.events.get(at)));
      deepStrictEqual(normal(session.state), normal(model.state(at)));
    }
    const { sessions } = await service.listSessions({ appName: 'app' });
    const wanted = KEYS.filter((key, at) => key.appName === 'app' && model.events.has(at)).map(
      ({ userId, sessionId }) => [userId, sessionId],
    );
    expect(sessions.map(({ userId, id }) => [userId, id]).sort()).toEqual(wanted.sort());
  } finally {
    await service.close();
  }
}

/** Whatever agents append, in whatever order, is there after a restart, event by event and key by key. */
export const checkSessions = (budget: Budget, place: () => Place = makeFolder) =>
  check(
    'sessions',
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => isKept(steps, place())),
    budget,
  );

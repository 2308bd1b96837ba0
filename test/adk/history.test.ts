import { createEvent, type Event, type Session } from '@google/adk';
import {
  openServices,
  PostgresSessionService,
  SqliteArtifactService,
  SqliteMemoryService,
  SqliteSessionService,
} from 'aiosqlite/adk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { describePostgres, postgres } from '../support/postgres.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const key = { appName: 'shop', userId: 'ada', sessionId: 's1' };
type Service = SqliteSessionService | PostgresSessionService;
let service: Service;
/** Makes a further service on the database of the test. */
let connect: (options?: object) => Service;

const turn = (invocationId: string, stateDelta: Record<string, unknown> = {}, text = invocationId): Event =>
  createEvent({
    invocationId,
    author: 'user',
    content: { role: 'user', parts: [{ text }] },
    actions: { stateDelta, artifactDelta: {}, requestedAuthConfigs: {}, requestedToolConfirmations: {} },
  });

async function append(session: Session, ...events: Event[]): Promise<void> {
  for (const event of events) await service.appendEvent({ session, event });
}

const invocations = (session: Session | undefined) => session?.events.map(({ invocationId }) => invocationId);
const stored = () => service.getSession(key);
const shown = (session: Session | undefined) => ({ events: session?.events, state: { ...session?.state } });

async function threeTurns(): Promise<Session> {
  const session = await service.createSession({ ...key, state: { cart: [], 'app:currency': 'EUR' } });
  await append(
    session,
    turn('i1', { cart: ['tea'], 'user:name': 'Ada' }),
    turn('i2', { late: 1 }),
    turn('i3', { last: 1 }),
  );
  return session;
}

/** Tests of a service's history, on each database. */
function histories(): void {
  describe('a rewound session', () => {
    test('comes with its events and all states, and takes new events', async () => {
      await threeTurns();
      const { removed, session } = await service.rewind(key, { beforeInvocationId: 'i2' });
      expect(removed).toBe(2);
      expect(invocations(session)).toEqual(['i1']);
      expect(session.state).toEqual({ cart: ['tea'], 'app:currency': 'EUR', 'user:name': 'Ada' });
      expect(shown(await stored())).toEqual(shown(session));
      await append(session, turn('i4', { cart: undefined }));
      expect(invocations(await stored())).toEqual(['i1', 'i4']);
      expect(shown(await stored())).toEqual(shown(session));
      const page = await service.getEventPage(key, { order: 'desc', limit: 1 });
      expect(page).toMatchObject({ events: [{ event: { invocationId: 'i4' } }], hasMore: true });
      expect(await service.stateAt(key, page.events[0]?.seq as number)).toEqual({});
    });

    test.each(['remove', 'mark'] as const)(
      "leaves no trace on an older session object after its next append: mode '%s'",
      async (mode) => {
        const session = await threeTurns();
        const copy = (await stored()) as Session;
        const recent = (await service.getSession({ ...key, config: { numRecentEvents: 2 } })) as Session;
        const fromJson = JSON.parse(JSON.stringify(copy)) as Session;
        await connect().rewind(key, { beforeInvocationId: 'i2' }, { mode });
        await append(session, turn('i4', { again: 1 }));
        expect(invocations(await stored())).toEqual(['i1', 'i4']);
        expect(shown(session)).toEqual(shown(await stored()));
        await append(copy, turn('i5'));
        expect(shown(copy)).toEqual(shown(await stored()));
        await append(recent, turn('i6'));
        expect(invocations(recent)?.slice(-3)).toEqual(['i4', 'i5', 'i6']);
        expect(invocations(recent)).not.toContain('i3');
        if (mode === 'mark') return;
        await append(fromJson, turn('i7'));
        expect(invocations(fromJson)).toEqual(invocations(await stored()));
      },
    );

    test('keeps what a session object has that is not stored: temp keys, and State.set() that is not appended yet', async () => {
      const session = await threeTurns();
      await service.rewind(key, { beforeInvocationId: 'i3' });
      await append(session, turn('i4', { 'temp:scratch': 1 }));
      expect(session.state).toEqual({
        cart: ['tea'],
        late: 1,
        'app:currency': 'EUR',
        'user:name': 'Ada',
        'temp:scratch': 1,
      });
    });

    test("rejects an append of an older session object with staleSessions: 'reject', by this or another service", async () => {
      const strict = connect({ staleSessions: 'reject' });
      await threeTurns();
      const old = (await strict.getSession(key)) as Session;
      const fromJson = JSON.parse(JSON.stringify(old)) as Session;
      const { session } = await service.rewind(key, { beforeInvocationId: 'i3' });
      for (const each of [old, fromJson]) {
        const append = strict.appendEvent({ session: each, event: turn('i4') });
        expect(await rejection(append)).toMatchObject({ code: 'ADK_STALE_SESSION' });
        expect(invocations(each)).toEqual(['i1', 'i2', 'i3']);
      }
      expect(invocations(await stored())).toEqual(['i1', 'i2']);
      await append(session, turn('i5'));
    });

    test('loses no append that is in flight: each ends before the rewind or after it', async () => {
      const session = await threeTurns();
      const ahead = Array.from({ length: 20 }, (_, i) => service.appendEvent({ session, event: turn(`a${i}`) }));
      const rewound = service.rewind(key, { beforeInvocationId: 'i2' });
      const behind = Array.from({ length: 20 }, (_, i) => service.appendEvent({ session, event: turn(`b${i}`) }));
      await Promise.all([...ahead, rewound, ...behind]);
      const left = invocations(await stored()) as string[];
      expect(left[0]).toBe('i1');
      expect(left).not.toContain('i2');
      // In the order of the calls, and without a gap behind the first one that came after the rewind.
      const sent = [...ahead.map((_, i) => `a${i}`), ...behind.map((_, i) => `b${i}`)];
      expect(left.slice(1)).toEqual(sent.slice(sent.length - left.length + 1));
      await append(session, turn('end'));
      expect(shown(session)).toEqual(shown(await stored()));
    });

    test('shows no event that a rewind has removed between two appends under way', async () => {
      const session = await service.createSession(key);
      await append(session, turn('i0'));
      const { events } = await service.getEventPage(key);
      await Promise.all([
        service.appendEvent({ session, event: turn('i1', { a: 1 }) }),
        service.rewind(key, { toSeq: events[0]?.seq as number }),
        service.appendEvent({ session, event: turn('i2') }),
      ]);
      await append(session, turn('i3'));
      expect(shown(session)).toEqual(shown(await stored()));
    });

    test('is as it was after undoRewind(), also on session objects from between', async () => {
      await threeTurns();
      const before = shown(await stored());
      const { session: between } = await service.rewind(key, { beforeInvocationId: 'i2' });
      const { restored, session } = await service.undoRewind(key);
      expect(restored).toBe(2);
      expect(shown(session)).toEqual(before);
      await append(between, turn('i4'));
      expect(shown(between)).toEqual(shown(await stored()));
      expect(invocations(between)).toEqual(['i1', 'i2', 'i3', 'i4']);
    });
  });

  test('deleteInvocation() takes the events, and leaves the state', async () => {
    await threeTurns();
    const before = (await stored())?.state;
    expect(await service.deleteInvocation(key, 'i2')).toBe(1);
    expect(invocations(await stored())).toEqual(['i1', 'i3']);
    expect((await stored())?.state).toEqual(before);
  });

  test('the tables are made at the first call, whichever it is', async () => {
    expect(await rejection(service.rewind(key, { toSeq: 1 }))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    expect(await rejection(connect().fork(key))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
  });
}

describe('on SQLite', () => {
  const open: SqliteSessionService[] = [];
  beforeEach(() => {
    connect = (options) => {
      const made = new SqliteSessionService({ database: on.file(), ...options });
      open.push(made);
      return made;
    };
    service = connect();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
  });

  histories();

  test('a fork is a session of its own, artifacts included', async () => {
    const artifacts = new SqliteArtifactService((service as SqliteSessionService).store);
    await threeTurns();
    await artifacts.saveArtifact({ ...key, filename: 'plan.txt', artifact: { text: 'tea' } });
    const fork = await service.fork(key, { sessionId: 'draft' });
    expect(fork).toMatchObject({ id: 'draft', userId: 'ada', appName: 'shop' });
    expect(invocations(fork)).toEqual(['i1', 'i2', 'i3']);
    expect(fork.state).toEqual((await stored())?.state);
    await append(fork, turn('i4', { cart: ['milk'] }));
    expect(invocations(await stored())).toEqual(['i1', 'i2', 'i3']);
    expect((await stored())?.state.cart).toEqual(['tea']);
    expect(await artifacts.loadArtifact({ ...key, sessionId: 'draft', filename: 'plan.txt' })).toEqual({ text: 'tea' });
    expect(await rejection(service.fork(key, { sessionId: 'draft' }))).toMatchObject({ code: 'ADK_SESSION_EXISTS' });
  });

  test('searchMemory and the list of artifacts show nothing of what was undone', async () => {
    const memory = new SqliteMemoryService((service as SqliteSessionService).store);
    const artifacts = new SqliteArtifactService((service as SqliteSessionService).store);
    const session = await service.createSession(key);
    await append(session, turn('i1', {}, 'green tea'));
    const version = await artifacts.saveArtifact({ ...key, filename: 'coffee.txt', artifact: { text: 'black' } });
    const event = turn('i2', {}, 'black coffee');
    event.actions.artifactDelta = { 'coffee.txt': version };
    await append(session, event);
    await memory.addSessionToMemory((await stored()) as Session);
    const found = async () =>
      (await memory.searchMemory({ appName: 'shop', userId: 'ada', query: 'tea coffee' })).memories.length;
    expect(await found()).toBe(2);
    await service.rewind(key, { beforeInvocationId: 'i2' });
    expect(await found()).toBe(1);
    expect(await artifacts.listArtifactKeys(key)).toEqual([]);
    await service.undoRewind(key);
    expect(await found()).toBe(2);
    expect(await artifacts.listArtifactKeys(key)).toEqual(['coffee.txt']);
  });

  test('an event that was indexed as it was appended is found again after an undo, its function responses too', async () => {
    const services = openServices(on.file('whole.db'), { memory: { index: 'append', functionResponses: true } });
    try {
      const { sessionService, memoryService } = services;
      const session = await sessionService.createSession(key);
      await sessionService.appendEvent({ session, event: turn('i1', {}, 'green tea') });
      const event = turn('i2');
      event.content = { role: 'user', parts: [{ functionResponse: { name: 'zoo', response: { animal: 'walrus' } } }] };
      await sessionService.appendEvent({ session, event });
      const found = async () =>
        (await memoryService.searchMemory({ appName: 'shop', userId: 'ada', query: 'walrus' })).memories.length;
      expect(await found()).toBe(1);
      await sessionService.rewind(key, { beforeInvocationId: 'i2' });
      expect(await found()).toBe(0);
      await sessionService.undoRewind(key);
      expect(await found()).toBe(1);
    } finally {
      await services.close();
    }
  });
});

describePostgres('on PostgreSQL', () => {
  const servers = postgres();
  beforeEach(() => {
    const [pool, schema] = [servers.pool(), servers.schema()];
    connect = (options) => new PostgresSessionService(pool, { schema, ...options });
    service = connect();
  });

  histories();
});

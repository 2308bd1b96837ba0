import {
  AnchoredContextCompactor,
  BaseLlm,
  type BaseSummarizer,
  type CompactedEvent,
  createEvent,
  type Event,
  InMemorySessionService,
  type InvocationContext,
  LlmAgent,
  LogLevel,
  ParallelAgent,
  Runner,
  SequentialAgent,
  type Session,
  setLogLevel,
  TokenBasedContextCompactor,
} from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { event, ids, key } from './fixtures.js';

setLogLevel(LogLevel.ERROR);
const on = databases();
let service: SqliteSessionService;
beforeEach(() => {
  service = new SqliteSessionService({ database: on.file(), synchronous: 'off' });
});
afterEach(() => service.close());

const append = (session: Session, given: Event) => service.appendEvent({ session, event: given });
const load = async () => (await service.getSession(key)) as Session;

/** A handle with the events e1 to e3. */
async function withThree(): Promise<Session> {
  const session = await service.createSession(key);
  for (const id of ['e1', 'e2', 'e3']) await append(session, event(id));
  return session;
}

describe('an event that was put on the handle before it is appended is there once', () => {
  test('pushed, and another event is appended in between', async () => {
    const session = await withThree();
    const summary = event('summary');
    session.events.push(summary);
    await append(session, event('other'));
    await append(session, summary);
    expect(ids(session)).toBe('e1 e2 e3 summary other');
    expect(ids(await load())).toBe('e1 e2 e3 other summary');
  });

  test('two pushed, then both appended', async () => {
    const session = await withThree();
    const pushed = [event('a'), event('b')];
    session.events.push(...pushed);
    for (const given of pushed) await append(session, given);
    expect(ids(session)).toBe('e1 e2 e3 a b');
  });

  test('put in front', async () => {
    const session = await withThree();
    const first = event('first');
    session.events.unshift(first);
    await append(session, first);
    await append(session, event('e4'));
    expect(ids(session)).toBe('first e1 e2 e3 e4');
  });

  test('in place of those that it sums up', async () => {
    const session = await withThree();
    const summary = event('summary');
    session.events.splice(0, 2, summary);
    await append(session, summary);
    expect(ids(session)).toBe('summary e3');
  });

  test('in place of a single one, so that the array is as long as before', async () => {
    const session = await withThree();
    const summary = event('summary');
    session.events[1] = summary;
    await append(session, summary);
    expect(ids(session)).toBe('e1 summary e3');
  });

  test('in a new array', async () => {
    const session = await withThree();
    const summary = event('summary');
    session.events = [summary, ...session.events.slice(2)];
    await append(session, event('other'));
    await append(session, summary);
    expect(ids(session)).toBe('summary e3 other');
  });

  test('as another object with its id', async () => {
    const session = await withThree();
    const summary = event('summary');
    session.events.unshift({ ...summary });
    await append(session, event('other'));
    await append(session, summary);
    expect(ids(session)).toBe('summary e1 e2 e3 other');
    expect(session.events[0]).toBe(summary);
  });

  test('while an append is under way', async () => {
    const session = await withThree();
    const summary = event('summary');
    const underWay = append(session, event('e4'));
    session.events.splice(0, 3, summary);
    await underWay;
    await append(session, summary);
    expect(ids(session)).toBe('summary e4');
  });

  test('on a copy, at its place in history', async () => {
    await withThree();
    const copy: Session = { ...(await load()), state: {}, events: [] };
    const pushed = event('pushed');
    copy.events.push(pushed);
    await append(copy, pushed);
    expect(ids(copy)).toBe('e1 e2 e3 pushed');
  });

  test('on a handle that another one has overtaken, at its place in history', async () => {
    const session = await withThree();
    const pushed = event('pushed');
    session.events.push(pushed);
    await append(await load(), event('e4'));
    await append(session, pushed);
    expect(ids(session)).toBe('e1 e2 e3 e4 pushed');
  });
});

test('an object that has a session as its prototype is a copy, and the session stays as it is', async () => {
  const session = await withThree();
  const view: Session = Object.assign(Object.create(session), { state: {}, events: [...session.events] });
  await append(view, event('e4'));
  expect(ids(view)).toBe('e1 e2 e3 e4');
  expect(ids(session)).toBe('e1 e2 e3');
});

const edits = fc.array(
  fc.record({
    what: fc.constantFrom(
      'append',
      'append',
      'pending',
      'pending',
      'again',
      'push',
      'unshift',
      'splice',
      'set',
      'array',
    ),
    at: fc.nat({ max: 7 }),
    count: fc.nat({ max: 3 }),
    copy: fc.boolean(),
    waits: fc.boolean(),
  }),
  { maxLength: 30 },
);

test("whatever is done to the events of a handle, it ends as with ADK's own service", async () => {
  await fc.assert(
    fc.asyncProperty(edits, fc.boolean(), async (list, adopted) => {
      await service.deleteSession(key);
      const reference = new InMemorySessionService();
      const handles: [Session, Session] = [await service.createSession(key), await reference.createSession(key)];
      if (adopted) handles[0] = { ...handles[0] };
      const [ours, theirs] = handles;
      // Of each event two objects: a service may change what it is given.
      const twins = (id: string): [Event, Event] => [event(id), event(id)];
      const known: [Event, Event][] = [];
      const pending: [Event, Event][] = [];
      let sent: Promise<unknown>[] = [];
      const settle = async () => {
        await Promise.all(sent);
        sent = [];
        expect(ids(ours)).toBe(ids(theirs));
      };
      const send = ([own, other]: [Event, Event]) => {
        sent.push(service.appendEvent({ session: ours, event: own }));
        sent.push(reference.appendEvent({ session: theirs, event: other }));
      };
      for (const [step, { what, at, count, copy, waits }] of list.entries()) {
        if (what === 'append') {
          const fresh = twins(`e${step}`);
          known.push(fresh);
          send(fresh);
        } else if (what === 'pending') {
          for (const waiting of pending.splice(at % (pending.length + 1), 1)) {
            known.push(waiting);
            send(waiting);
          }
        } else if (what === 'again') {
          const [own] = known[at % (known.length || 1)] ?? [];
          if (own) send(twins(own.id));
        } else {
          // An append changes our handle when it is stored, theirs at once: an edit in between would find two arrays.
          await settle();
          const fresh = twins(`p${step}`);
          pending.push(fresh);
          handles.forEach((handle, side) => {
            const given = fresh[side] as Event;
            // A copy among many others would not be found where the array stays as long: see SessionHandle.
            const put = copy && what !== 'set' && what !== 'splice' ? { ...given } : given;
            const place = at % (handle.events.length + 1);
            if (what === 'push') handle.events.push(put);
            if (what === 'unshift') handle.events.unshift(put);
            if (what === 'splice') handle.events.splice(place, count, put);
            if (what === 'set') handle.events[place] = put;
            if (what === 'array') handle.events = [...handle.events.slice(count), put];
          });
        }
        if (waits) await settle();
      }
      await settle();
      const stored = await load();
      expect(ids(stored)).toBe(ids(await reference.getSession(key)));
    }),
    { numRuns: 300 },
  );
});

class Model extends BaseLlm {
  constructor() {
    super({ model: 'scripted' });
  }

  override async *generateContentAsync() {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
    yield { content: { role: 'model', parts: [{ text: 'done' }] } };
  }

  override connect(): never {
    throw new Error('not here');
  }
}

const summarizer: BaseSummarizer = {
  async summarize(events) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
    const content = { role: 'model', parts: [{ text: `of ${events.length} events` }] };
    return {
      ...createEvent({ author: 'system', content }),
      isCompacted: true,
      startTime: events[0]?.timestamp ?? 0,
      endTime: events.at(-1)?.timestamp ?? 0,
      compactedContent: 'all of it',
    } satisfies CompactedEvent;
  },
};

const options = { tokenThreshold: 1, eventRetentionSize: 2, summarizer };

test.each([
  ['TokenBasedContextCompactor', 'ab', () => new TokenBasedContextCompactor(options)],
  // One branch alone: two of them that overlap copy events twice by themselves, with any service.
  ['AnchoredContextCompactor', 'a', () => new AnchoredContextCompactor(options)],
])("a ParallelAgent with ADK's %s shows no event twice", async (_, branches, makeCompactor) => {
  const seen = new Set<Session>();
  const observed = () => {
    const compactor = makeCompactor();
    return {
      shouldCompact: (context: InvocationContext) => compactor.shouldCompact(context),
      compact(context: InvocationContext) {
        seen.add(context.session);
        return compactor.compact(context);
      },
    };
  };
  const step = (name: string) =>
    new LlmAgent({
      name,
      model: new Model(),
      contextCompactors: branches.includes(name.charAt(0)) ? [observed()] : [],
    });
  const subAgents = ['a', 'b', 'c'].map(
    (name) => new SequentialAgent({ name, subAgents: [step(`${name}1`), step(`${name}2`), step(`${name}3`)] }),
  );
  const agent = new ParallelAgent({ name: 'all', subAgents });
  const runner = new Runner({ appName: key.appName, agent, sessionService: service });
  await service.createSession(key);
  const newMessage = { role: 'user', parts: [{ text: 'go' }] };
  for (let turn = 0; turn < 6; turn += 1) {
    for await (const _ of runner.runAsync({ userId: key.userId, sessionId: key.sessionId, newMessage }));
  }
  expect(seen.size).toBeGreaterThan(0);
  for (const { events } of seen) expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
});

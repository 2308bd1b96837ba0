import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Site, sessions, turn } from './fixtures.js';

let site: Site;
beforeAll(async () => {
  site = new Site();
  await site.serve();
});
afterAll(() => site.remove());
beforeEach(async () => {
  await site.sessionService.deleteUser({ appName: 'hello', userId: 'ada' });
});

const texts = (session: any) => session.events.map(({ content }: any) => content.parts[0].text);

describe('the list of sessions', () => {
  test('is an array with state, and times in seconds', async () => {
    await site.ask('POST', sessions, { sessionId: 's1', state: { mood: 'fine', 'app:currency': 'EUR' } });
    const { status, json, headers } = await site.ask('GET', sessions);
    expect(status).toBe(200);
    expect(headers.get('x-total-count')).toBe('1');
    expect(json).toMatchObject([{ id: 's1', state: { mood: 'fine', 'app:currency': 'EUR' }, events: [] }]);
    expect(Math.abs(json[0].lastUpdateTime * 1000 - Date.now())).toBeLessThan(3_600_000);
  });

  test('comes in pages, in either order, with the total', async () => {
    for (const id of ['s1', 's2', 's3']) {
      await site.sessionService.store.createSession({
        appName: 'hello',
        userId: 'ada',
        sessionId: id,
        createTime: Number(id.slice(1)) * 1000,
      });
    }
    const { json, headers } = await site.ask('GET', `${sessions}?limit=2&offset=1&order=asc`);
    expect(json.map(({ id }: any) => id)).toEqual(['s2', 's3']);
    expect(headers.get('x-total-count')).toBe('3');
    const newest = await site.ask('GET', `${sessions}?limit=1`);
    expect(newest.json.map(({ id }: any) => id)).toEqual(['s3']);
  });

  test.each(['limit=-1', 'limit=x', 'offset=1.5', 'order=up'])('refuses %s with 400', async (query) => {
    const { status, json } = await site.ask('GET', `${sessions}?${query}`);
    expect([status, typeof json.error]).toEqual([400, 'string']);
  });
});

describe('one session', () => {
  test('is read with its events, and not sent again while it is unchanged', async () => {
    await site.ask('POST', sessions, { sessionId: 's1' });
    await site.ask('POST', '/run', turn('s1', 'hi'));
    const first = await site.ask('GET', `${sessions}/s1`);
    expect(texts(first.json)).toEqual(['hi', 'You said: hi']);
    const etag = first.headers.get('etag') ?? '';
    expect((await site.ask('GET', `${sessions}/s1`, undefined, { 'if-none-match': etag })).status).toBe(304);
    await site.ask('PATCH', `${sessions}/s1`, { stateDelta: { 'user:tone': 'warm' } });
    const changed = await site.ask('GET', `${sessions}/s1`, undefined, { 'if-none-match': etag });
    expect([changed.status, changed.json.state['user:tone']]).toEqual([200, 'warm']);
  });

  test.each(['first', 'last'] as const)('is sent again once retention has deleted its %s event', async (which) => {
    await site.ask('POST', sessions, { sessionId: 's1' });
    await site.ask('POST', '/run', turn('s1', 'hi'));
    const { store, pool } = site.sessionService;
    const { headers, json } = await site.ask('GET', `${sessions}/s1`);
    const ifNoneMatch = { 'if-none-match': headers.get('etag') ?? '' };
    const { length } = json.events;
    const gone = which === 'first' ? 0 : length - 1;
    await pool.run('UPDATE adk_events SET timestamp = 1 WHERE id = ?', [json.events[gone].id]);
    expect((await site.ask('GET', `${sessions}/s1`, undefined, ifNoneMatch)).status).toBe(304);
    expect(await store.deleteOldEvents({ before: 1 })).toBe(1);
    const again = await site.ask('GET', `${sessions}/s1`, undefined, ifNoneMatch);
    expect([again.status, again.json?.events.length]).toEqual([200, length - 1]);
  });

  test('is 404 where there is none, for each method', async () => {
    for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { stateDelta: { a: 1 } }]] as const) {
      expect([method, (await site.ask(method, `${sessions}/none`, body)).status]).toEqual([method, 404]);
    }
  });

  test('is renamed by a change of state that makes no event, and keys of other scopes go there', async () => {
    await site.ask('POST', sessions, { sessionId: 's1', state: { kept: true } });
    const title = { __session_metadata__: { displayName: 'Tea' } };
    const { status, json } = await site.ask('PATCH', `${sessions}/s1`, {
      stateDelta: { ...title, 'app:currency': 'EUR', 'user:tone': 'warm' },
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({ id: 's1', events: [], state: { ...title, kept: true, 'app:currency': 'EUR' } });
    expect(await site.sessionService.getUserState({ appName: 'hello', userId: 'ada' })).toEqual({ tone: 'warm' });
    expect((await site.ask('GET', sessions)).json[0].state).toMatchObject(title);
  });

  test('is deleted', async () => {
    await site.ask('POST', sessions, { sessionId: 's1' });
    expect((await site.ask('DELETE', `${sessions}/s1`)).status).toBe(204);
    expect((await site.ask('GET', sessions)).json).toEqual([]);
  });

  test('is created once: its id is 409 the second time, in the path and in the body', async () => {
    expect((await site.ask('POST', `${sessions}/s1`, { state: { a: 1 } })).json).toMatchObject({
      id: 's1',
      state: { a: 1 },
    });
    expect((await site.ask('POST', `${sessions}/s1`, {})).status).toBe(409);
    expect((await site.ask('POST', sessions, { sessionId: 's1' })).status).toBe(409);
    expect((await site.ask('POST', sessions, { session_id: 's1', events: [] })).status).toBe(409);
    expect((await site.ask('GET', `${sessions}/s1`)).json.state.a).toBe(1);
  });

  test('gets an id where the request has none, with the empty body and the null of the web UI', async () => {
    for (const body of [undefined, 'null', {}]) {
      const { status, json } = await site.ask('POST', sessions, body);
      expect([status, typeof json.id]).toEqual([200, 'string']);
    }
  });

  test('may have any id', async () => {
    const id = '../ü /%2F?#';
    const path = `${sessions}/${encodeURIComponent(id)}`;
    expect((await site.ask('POST', path, {})).json.id).toBe(id);
    expect((await site.ask('GET', path)).json.id).toBe(id);
  });
});

describe('import', () => {
  test('brings back what was exported: events, fields of a newer ADK, and the state as it is', async () => {
    await site.ask('POST', sessions, { sessionId: 's1', state: { a: 1 } });
    await site.ask('POST', '/run', { ...turn('s1', 'hi'), stateDelta: { b: 2, 'user:c': 3 } });
    await site.ask('PATCH', `${sessions}/s1`, { stateDelta: { b: 'changed later' } });
    const exported = (await site.ask('GET', `${sessions}/s1`)).json;
    exported.events[0].actions.ofTomorrow = { x: 1 };
    exported.events[0].ofTomorrow = [1];
    const { events, state } = exported;
    const imported = (await site.ask('POST', sessions, { events, state })).json;
    expect(imported.id).not.toBe('s1');
    expect((await site.ask('GET', `${sessions}/${imported.id}`)).json).toEqual({
      ...exported,
      id: imported.id,
      lastUpdateTime: imported.lastUpdateTime,
    });
    const run = await site.ask('POST', '/run', turn(imported.id, 'again'));
    expect(run.status).toBe(200);
  });

  test('takes the times of adk-python, which are seconds', async () => {
    const events = [{ id: 'e1', invocationId: 'i1', author: 'user', timestamp: 1_700_000_000.25, actions: {} }];
    const { json } = await site.ask('POST', sessions, { sessionId: 's1', events });
    expect(json.events[0].timestamp).toBe(1_700_000_000_250);
  });

  test.each([
    ['events that are no array', { events: {} }],
    ['an event that is no object', { events: [1] }],
    ['an event whose id is no text', { events: [{ id: 1, author: 'user' }] }],
    ['a state that is no object', { state: [], events: [] }],
  ])('refuses %s with 400 and stores nothing', async (_, body) => {
    const { status, json } = await site.ask('POST', sessions, { sessionId: 's1', ...body });
    expect([status, typeof json.error]).toEqual([400, 'string']);
    expect((await site.ask('GET', sessions)).json).toEqual([]);
  });
});

describe('history', () => {
  const invocations = async (id: string): Promise<string[]> => {
    const { json } = await site.ask('GET', `${sessions}/${id}`);
    return [...new Set<string>(json.events.map(({ invocationId }: any) => invocationId))];
  };
  beforeEach(async () => {
    await site.ask('POST', sessions, { sessionId: 's1', state: { first: true } });
    for (const text of ['one', 'two', 'three']) {
      await site.ask('POST', '/run', { ...turn('s1', text), stateDelta: { last: text } });
    }
  });

  test.each(['rewind_before_invocation_id', 'rewindBeforeInvocationId'])(
    'a session is rewound with %s',
    async (name) => {
      const [first, second] = await invocations('s1');
      const { status, json } = await site.ask('POST', `${sessions}/s1/rewind`, { [name]: second });
      expect(status).toBe(200);
      expect(json).toMatchObject({ removed: 4, session: { id: 's1', state: { first: true, last: 'one' } } });
      expect(await invocations('s1')).toEqual([first]);
      expect((await site.ask('POST', '/run', turn('s1', 'again'))).status).toBe(200);
      expect(texts((await site.ask('GET', `${sessions}/s1`)).json)).toEqual([
        'one',
        'You said: one',
        'again',
        'You said: again',
      ]);
    },
  );

  test('a session is forked, whole or before an invocation', async () => {
    const [first, second] = await invocations('s1');
    const whole = await site.ask('POST', `${sessions}/s1/fork`, {});
    expect(whole.json).toMatchObject({ state: { first: true, last: 'three' } });
    expect(await invocations(whole.json.id)).toHaveLength(3);
    const part = await site.ask('POST', `${sessions}/s1/fork`, { session_id: 's2', before_invocation_id: second });
    expect(part.json).toMatchObject({ id: 's2', state: { first: true, last: 'one' } });
    expect(await invocations('s2')).toEqual([first]);
    expect(await invocations('s1')).toHaveLength(3);
  });

  test('unknown points and sessions are 404, an id that exists 409, a missing field 400', async () => {
    const rewind = (id: string, body: object) => site.ask('POST', `${sessions}/${id}/rewind`, body);
    expect((await rewind('s1', { rewind_before_invocation_id: 'none' })).status).toBe(404);
    expect((await rewind('none', { rewind_before_invocation_id: 'none' })).status).toBe(404);
    expect((await rewind('s1', {})).status).toBe(400);
    expect((await rewind('s1', { rewind_before_invocation_id: 1 })).status).toBe(400);
    const fork = (id: string, body: object) => site.ask('POST', `${sessions}/${id}/fork`, body);
    expect((await fork('s1', { session_id: 's1' })).status).toBe(409);
    expect((await fork('s1', { before_invocation_id: 'none' })).status).toBe(404);
    expect((await fork('none', {})).status).toBe(404);
    expect(await invocations('s1')).toHaveLength(3);
  });

  test('an imported session is rewound to the state of the point', async () => {
    const { events, state } = (await site.ask('GET', `${sessions}/s1`)).json;
    await site.ask('POST', sessions, { sessionId: 's2', events, state });
    const [, second] = await invocations('s2');
    const { json } = await site.ask('POST', `${sessions}/s2/rewind`, { rewind_before_invocation_id: second });
    expect(json.session.state).toEqual({ first: true, last: 'one', 'app:currency': 'EUR' });
  });
});

test('the graph of an event is found where the web UI looks for it', async () => {
  await site.ask('POST', sessions, { sessionId: 's1' });
  const [event] = (await site.ask('POST', '/run', turn('s1', 'hi'))).json;
  const { status, json } = await site.ask('GET', `/dev${sessions}/s1/events/${event.id}/graph`);
  expect([status, typeof json.dotSrc]).toEqual([200, 'string']);
});

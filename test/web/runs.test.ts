import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Site, sessions, turn } from './fixtures.js';

let site: Site;
beforeEach(async () => {
  site = new Site();
  await site.serve();
  await site.ask('POST', sessions, { sessionId: 's1' });
});
afterEach(() => site.remove());

const shared = globalThis as { pieces?: number; lastPiece?: number };
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** Reads the events of a stream until `stop` says so, or to its end. */
async function stream(body: object, stop: (events: any[]) => boolean = () => false): Promise<any[]> {
  const abort = new AbortController();
  const response = await fetch(`${site.url}/run_sse`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: abort.signal,
  });
  const events: any[] = [];
  let text = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const lines = text.split('\n\n');
    text = lines.pop()!;
    events.push(...lines.map((line) => JSON.parse(line.replace(/^data: /, ''))));
    if (stop(events)) {
      abort.abort();
      break;
    }
  }
  return events;
}

test('a run answers with its events, and a stream brings them one by one', async () => {
  const { json } = await site.ask('POST', '/run', turn('s1', 'hi'));
  expect(json.at(-1).content.parts[0].text).toBe('You said: hi');
  const events = await stream({ ...turn('s1', 'slowly'), streaming: true });
  expect(events.filter(({ partial }) => partial)).toHaveLength(20);
  expect(events.at(-1).content.parts[0].text).toBe('You said: slowly');
});

test('a run of an unknown app or session is 404, one without its names 400', async () => {
  for (const path of ['/run', '/run_sse']) {
    expect((await site.ask('POST', path, turn('none', 'hi'))).status).toBe(404);
    expect((await site.ask('POST', path, { ...turn('s1', 'hi'), appName: '../hello' })).status).toBe(404);
    expect((await site.ask('POST', path, { appName: 'hello' })).status).toBe(400);
    expect((await site.ask('POST', path, '[1]')).status).toBe(400);
    expect((await site.ask('POST', path, '{"a":')).status).toBe(400);
  }
});

test('a run is checked however its address is written, and the process lives', async () => {
  const wrong = { ...turn('s1', 'hi'), userId: 5 };
  const type = { 'content-type': 'application/json' };
  for (const path of ['/run/', '/RUN', '/run_sse/', '/Run_SSE']) {
    expect((await site.asked(path, type, 'POST', wrong)).status, path).toBe(404);
  }
  for (const path of ['/run', '/run?a=b', '/run_sse', '/run#', '/run#x', '/run_sse#/../x?a#b']) {
    expect((await site.asked(path, type, 'POST', wrong)).status, path).toBe(400);
    expect((await site.asked(site.url + path, type, 'POST', wrong)).status, path).toBe(400);
  }
  expect((await site.asked(`${sessions}#x`, {})).status).toBe(200);
  expect((await site.asked(`${site.url}${sessions}`, {})).status).toBe(200);
});

describe('a store that fails', () => {
  test('is answered with 503 and JSON by every route, and the process lives', async () => {
    await site.sessionService.close();
    const calls: [string, string, object?][] = [
      ['GET', sessions],
      ['POST', sessions, {}],
      ['POST', sessions, { events: [] }],
      ['GET', `${sessions}/s1`],
      ['POST', `${sessions}/s1`, {}],
      ['PATCH', `${sessions}/s1`, { stateDelta: { a: 1 } }],
      ['DELETE', `${sessions}/s1`],
      ['GET', `${sessions}/s1/events/e1/graph`],
      ['GET', `/dev${sessions}/s1/events/e1/graph`],
      ['GET', `${sessions}/s1/artifacts`],
      ['GET', `${sessions}/s1/artifacts/a`],
      ['POST', `${sessions}/s1/artifacts/a`, { text: 'x' }],
      ['DELETE', `${sessions}/s1/artifacts/a`],
      ['GET', `${sessions}/s1/artifacts/a/versions`],
      ['GET', '/apps/hello/users/ada/memory?query=tea'],
      ['PATCH', '/apps/hello/users/ada/memory', { session_id: 's1' }],
      ['POST', '/run', turn('s1', 'hi')],
      ['POST', '/run_sse', turn('s1', 'hi')],
      ['POST', '/api/reasoning_engine', { input: turn('s1', 'hi') }],
    ];
    for (const [method, path, body] of calls) {
      const { status, json } = await site.ask(method, path, body);
      expect([method, path, status, typeof json?.error]).toEqual([method, path, 503, 'string']);
    }
    expect((await site.ask('GET', '/list-apps')).json).toEqual(['hello']);
  });

  test('in the middle of a run ends the run with 503, a stream with an error', async () => {
    await site.ask('POST', sessions, { sessionId: 's2' });
    shared.lastPiece = Number.POSITIVE_INFINITY;
    const run = site.ask('POST', '/run', turn('s2', 'slowly'));
    let streamed = 0;
    const events = stream({ ...turn('s1', 'slowly'), streaming: true }, ({ length }) => {
      streamed = length;
      return false;
    });
    await until(() => streamed > 2);
    await site.sessionService.close();
    delete shared.lastPiece;
    expect((await run).status).toBe(503);
    expect((await events).at(-1)).toEqual({ error: expect.any(String) });
    expect((await site.ask('GET', '/list-apps')).status).toBe(200);
  });
});

test('a client that goes away in the middle of a stream stops the agent, and the process lives', async () => {
  shared.lastPiece = Number.POSITIVE_INFINITY;
  await stream({ ...turn('s1', 'slowly'), streaming: true }, (events) => events.length >= 2);
  let seen: number | undefined;
  do {
    seen = shared.pieces;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  } while (shared.pieces !== seen);
  delete shared.lastPiece;
  expect((await site.ask('GET', '/list-apps')).status).toBe(200);
});

describe('a turn', () => {
  let loads = 0;
  beforeEach(() => {
    loads = 0;
    const service = site.sessionService;
    const getSession = service.getSession.bind(service);
    service.getSession = (request) => {
      loads++;
      return getSession(request);
    };
  });

  test('loads its session once', async () => {
    expect((await site.ask('POST', '/run', turn('s1', 'hi'))).status).toBe(200);
    expect(loads).toBe(1);
    await stream(turn('s1', 'hi'));
    expect(loads).toBe(2);
    expect((await site.ask('GET', `${sessions}/s1`)).json.events).toHaveLength(4);
  });

  test('loads a session of 10,000 events once, and so does a look at it', async () => {
    const key = { appName: 'hello', userId: 'ada', sessionId: 'long' };
    const { store } = site.sessionService;
    await store.createSession(key);
    const author = 'user';
    await store.appendEvents(
      Array.from({ length: 10_000 }, (_, i) => {
        const content = { role: author, parts: [{ text: `message ${i}` }] };
        return { ...key, id: `e${i}`, invocationId: `i${i}`, author, actions: {}, timestamp: i, content };
      }),
    );
    expect((await site.ask('GET', `${sessions}/long`)).json.events).toHaveLength(10_000);
    expect(loads).toBe(1);
    expect((await site.ask('POST', '/run', turn('long', 'hi'))).status).toBe(200);
    expect(loads).toBe(2);
    expect(await store.getEvents(key, { last: 3 })).toMatchObject([{ id: 'e9999' }, { author }, { author: 'hello' }]);
  });

  test('loads its session again where another writer has changed it', async () => {
    const { store } = site.sessionService;
    const getSession = store.getSession.bind(store);
    let reads = 0;
    store.getSession = async (key) => {
      // Between the two looks at the revision.
      if (++reads === 2) await store.updateSessionState(key, { changed: true });
      return getSession(key);
    };
    expect((await site.ask('POST', '/run', turn('s1', 'hi'))).status).toBe(200);
    expect([reads, loads]).toEqual([2, 2]);
  });
});

test('turns of many sessions at once do not mix', async () => {
  const ids = Array.from({ length: 20 }, (_, i) => `many-${i}`);
  await Promise.all(ids.map((sessionId) => site.ask('POST', sessions, { sessionId })));
  const answers = await Promise.all(ids.map((id) => site.ask('POST', '/run', turn(id, `I am ${id}`))));
  expect(answers.map(({ json }) => json.at(-1).content.parts[0].text)).toEqual(ids.map((id) => `You said: I am ${id}`));
  for (const id of ids) expect((await site.ask('GET', `${sessions}/${id}`)).json.events).toHaveLength(2);
});

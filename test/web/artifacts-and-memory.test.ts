import { afterAll, beforeAll, expect, test } from 'vitest';
import { Site, sessions, turn } from './fixtures.js';

let site: Site;
beforeAll(async () => {
  site = new Site();
  await site.serve();
  await site.ask('POST', sessions, { sessionId: 's1' });
});
afterAll(() => site.remove());

const artifacts = `${sessions}/s1/artifacts`;

test.each(['plain.txt', 'a/b/c.txt', 'user:shared/x', 'versions', 'metadata', 'ü ?#'])(
  'the artifact %s is saved in versions, read, listed and deleted',
  async (name) => {
    const path = `${artifacts}/${name.split('/').map(encodeURIComponent).join('/')}`;
    const first = await site.ask('POST', path, { text: 'one' });
    expect([first.status, first.json.version]).toEqual([200, 0]);
    expect((await site.ask('POST', path, { text: 'two' })).json.version).toBe(1);
    expect((await site.ask('GET', path)).json).toEqual({ text: 'two' });
    expect((await site.ask('GET', `${path}?version=0`)).json).toEqual({ text: 'one' });
    expect((await site.ask('GET', `${path}/versions`)).json).toEqual([0, 1]);
    expect((await site.ask('GET', `${path}/versions/0`)).json).toEqual({ text: 'one' });
    expect((await site.ask('GET', `${path}/metadata`)).json).toMatchObject({ version: 1 });
    expect((await site.ask('GET', `${path}/versions/0/metadata`)).json).toMatchObject({ version: 0 });
    expect((await site.ask('GET', `${path}/versions/metadata`)).json).toHaveLength(2);
    expect((await site.ask('GET', artifacts)).json).toContain(name);
    expect((await site.ask('DELETE', path)).status).toBe(204);
    expect((await site.ask('GET', path)).status).toBe(404);
  },
);

test('a name whose end looks like a route is told apart by its encoded slash', async () => {
  await site.ask('POST', `${artifacts}/a%2Fversions`, { text: 'mine' });
  expect((await site.ask('GET', `${artifacts}/a%2Fversions`)).json).toEqual({ text: 'mine' });
  expect((await site.ask('GET', `${artifacts}/a/versions`)).json).toEqual([]);
});

test("the form of adk-python, with the name in the body, saves with the artifact's metadata", async () => {
  const body = { filename: 'x/y.txt', artifact: { text: 'content' }, custom_metadata: { by: 'ada' } };
  expect((await site.ask('POST', artifacts, body)).json).toMatchObject({ version: 0, customMetadata: { by: 'ada' } });
});

test('an artifact that a tool of the agent has saved is read by its name', async () => {
  const { status } = await site.ask('POST', '/run', turn('s1', 'save reports/tea.txt'));
  expect(status).toBe(200);
  expect((await site.ask('GET', `${artifacts}/reports/tea.txt`)).json).toEqual({ text: 'content' });
});

test.each([
  ['POST', `${artifacts}/empty`, {}],
  ['POST', artifacts, { artifact: { text: '' } }],
  ['GET', `${artifacts}/x/versions/one`],
  ['GET', `${artifacts}/x?version=-1`],
  ['GET', `${artifacts}/%zz`],
  ['PATCH', '/apps/hello/users/ada/memory', {}],
  ['GET', '/apps/hello/users/ada/memory'],
])('%s %s is refused with 400 and a sentence', async (method, path, body?: object) => {
  const { status, json } = await site.ask(method, path, body);
  expect([status, typeof json.error]).toEqual([400, 'string']);
});

test('names that climb out of a folder are names like any other', async () => {
  const path = `${artifacts}/..%2F..%2Fetc%2Fpasswd`;
  expect((await site.ask('GET', path)).status).toBe(404);
  await site.ask('POST', path, { text: 'mine' });
  expect((await site.ask('GET', path)).json).toEqual({ text: 'mine' });
});

test('a session is added to the memory, and found there', async () => {
  await site.ask('POST', '/run', turn('s1', 'I like Darjeeling'));
  const memory = '/apps/hello/users/ada/memory';
  expect((await site.ask('PATCH', memory, { session_id: 's1' })).status).toBe(200);
  const { json } = await site.ask('GET', `${memory}?query=darjeeling`);
  expect(json.memories[0].content.parts[0].text).toContain('Darjeeling');
  expect((await site.ask('GET', `${memory}?query=what?+Darjeeling`)).json).toEqual(json);
  expect((await site.ask('GET', '/apps/hello/users/bob/memory?query=darjeeling')).json).toEqual({ memories: [] });
  expect((await site.ask('PATCH', memory, { session_id: 'none' })).status).toBe(404);
});

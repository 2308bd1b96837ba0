import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Site, sessions } from './fixtures.js';

let site: Site;
beforeAll(async () => {
  site = new Site();
  await site.serve({ allowedHosts: ['agents.example', 'proxy.example:8443'], maxBodyBytes: 10_000 });
});
afterAll(() => site.remove());
const port = () => new URL(site.url).port;

describe('hosts', () => {
  test.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]', 'LOCALHOST', 'agents.example', 'proxy.example:8443'])(
    'a request to %s is answered',
    async (host) => {
      const header = host.includes(':8443') ? host : `${host}:${port()}`;
      expect((await site.asked('/list-apps', { host: header })).status).toBe(200);
    },
  );

  test.each(['evil.example', 'localhost.evil.example', 'evil.example:80', '169.254.0.1', 'proxy.example', 'a b'])(
    'a request to "%s" is refused with 403, whatever the route',
    async (host) => {
      for (const [method, path] of [
        ['GET', '/list-apps'],
        ['GET', sessions],
        ['POST', '/run'],
        ['GET', '/dev-ui/'],
      ] as const) {
        const { status, text } = await site.asked(path, { host }, method);
        expect([path, status]).toEqual([path, 403]);
        expect(JSON.parse(text)).toEqual({ error: expect.stringContaining('Host') });
      }
    },
  );
});

describe('origins', () => {
  test('the page of the server itself, and one of an allowed host, may ask', async () => {
    for (const origin of [`http://localhost:${port()}`, 'https://agents.example']) {
      expect((await site.asked('/list-apps', { host: `localhost:${port()}`, origin })).status).toBe(200);
    }
  });

  test.each(['https://evil.example', 'null', 'http://localhost:1', 'http://localhost.evil.example', 'file://', 'x'])(
    'the origin %s is refused with 403',
    async (origin) => {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
        const { status } = await site.asked(sessions, { host: `localhost:${port()}`, origin }, method);
        expect([method, status]).toEqual([method, 403]);
      }
    },
  );
});

describe('large requests', () => {
  const large = 'x'.repeat(20_000);

  test('are refused with 413 by their length, and the next request is answered', async () => {
    for (const path of [sessions, '/run', '/run_sse', '/anything']) {
      const { status, json } = await site.ask('POST', path, { state: { large } });
      expect([path, status, json]).toEqual([path, 413, { error: 'the request is larger than 10000 bytes' }]);
    }
    expect((await site.ask('GET', '/list-apps')).status).toBe(200);
  });

  test('are refused with 413 where they do not tell their length', async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const request = httpRequest(`${site.url}${sessions}`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      // The connection is closed after the answer, while pieces are written.
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (!['EPIPE', 'ECONNRESET'].includes(error.code ?? '')) reject(error);
      });
      for (let i = 0; i < 3; i++) request.write(large);
      request.end();
    });
    expect(status).toBe(413);
    expect((await site.ask('GET', '/list-apps')).status).toBe(200);
  });

  test('that announce 100 MB are answered before they are sent', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port()), '127.0.0.1');
      const head = ['POST /run HTTP/1.1', `Host: 127.0.0.1:${port()}`, `Content-Length: ${100 * 2 ** 20}`];
      socket.write(`${head.join('\r\n')}\r\n\r\n{`);
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString());
      });
      socket.once('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});

test('a client that goes away in the middle of its request leaves the server alive', async () => {
  const socket = connect(Number(port()), '127.0.0.1');
  socket.write(`POST ${sessions} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"state"`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await site.ask('GET', '/list-apps')).status).toBe(200);
});

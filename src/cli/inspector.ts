import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { SessionKey } from '../store/index.js';
import { refusal } from '../web/guard.js';
import { HttpError, originForm, sendError, sendJson, splitTarget } from '../web/http.js';
import { Failure } from './failure.js';
import { InspectorData } from './inspector-data.js';
import type { OpenFile } from './open.js';
import { print } from './output.js';

const HOST = '127.0.0.1';

/** The page runs its own script and nothing else; contents of the file are shown as text. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

const ASSETS: Readonly<Record<string, [file: string, type: string]>> = {
  '': ['index.html', 'text/html; charset=utf-8'],
  'page.js': ['page.js', 'text/javascript; charset=utf-8'],
  'page.css': ['page.css', 'text/css; charset=utf-8'],
};

/** Types of pictures that a browser may display; all other contents are shown as text or offered for download. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);

/** Serves the page until the process is asked to end. */
export async function servePage(
  opened: OpenFile,
  options: { port?: number; open: boolean; json?: boolean },
): Promise<void> {
  // Other users of this machine can reach the port, but may not read the file.
  const secret = randomBytes(16).toString('hex');
  const data = new InspectorData(opened);
  const allowed = { host: HOST, further: new Set<string>() };
  const server = createServer((request, response) => {
    answer(request, response, data, secret).catch((error) => sendError(response, error));
  });
  await listen(server, options.port ?? 0);
  const url = `http://${HOST}:${(server.address() as AddressInfo).port}/${secret}/`;
  print(options.json ? JSON.stringify({ url }) : `inspector: ${url}`);
  if (options.open) openBrowser(url);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });

  async function answer(request: IncomingMessage, response: ServerResponse, from: InspectorData, prefix: string) {
    const refused = refusal(request, allowed);
    if (refused !== undefined) throw new HttpError(403, refused);
    if (request.method !== 'GET') throw new HttpError(405, 'the page is read only');
    const [pathname, search] = splitTarget(originForm(request.url));
    if (!pathname.startsWith(`/${prefix}/`)) throw new HttpError(404, 'there is no such page');
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const path = pathname.slice(prefix.length + 2);
    const query = new URLSearchParams(search);
    const asset = Object.hasOwn(ASSETS, path) ? ASSETS[path] : undefined;
    if (asset !== undefined) {
      response.setHeader('content-type', asset[1]);
      response.end(readFileSync(join(__dirname, 'page', asset[0])));
    } else if (path === 'artifact') await sendArtifact(response, from, query);
    else sendJson(response, 200, await read(from, path, query));
  }
}

const text = (query: URLSearchParams, name: string): string => query.get(name) ?? '';

function number(query: URLSearchParams, name: string): number {
  const value = text(query, name) || '0';
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new HttpError(400, `${name} must be a whole number`);
}

const keyOf = (query: URLSearchParams): SessionKey => ({
  appName: text(query, 'app'),
  userId: text(query, 'user'),
  sessionId: text(query, 'session'),
});

async function read(data: InspectorData, path: string, query: URLSearchParams): Promise<unknown> {
  switch (path) {
    case 'overview':
      return await data.overview();
    case 'sessions':
      return await data.sessions(text(query, 'text'), number(query, 'offset'));
    case 'session':
      return found(await data.session(keyOf(query), { afterSeq: number(query, 'after'), last: query.has('last') }));
    case 'state':
      return found(await data.stateAt(keyOf(query), number(query, 'seq')));
    case 'memory':
      return await data.memory(text(query, 'app'), text(query, 'user'), text(query, 'query'));
    case 'artifacts':
      return await data.artifacts(text(query, 'text'));
    default:
      throw new HttpError(404, 'there is no such page');
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new HttpError(404, 'there is no such session');
  return value;
}

async function sendArtifact(response: ServerResponse, data: InspectorData, query: URLSearchParams): Promise<void> {
  const { appName, userId, sessionId } = keyOf(query);
  const artifact = await data.artifact({ appName, userId, sessionId, name: text(query, 'name') });
  if (artifact === undefined) throw new HttpError(404, 'there is no such artifact');
  const { mimeType = '' } = artifact.info;
  const isPicture = PICTURES.has(mimeType);
  response.setHeader('content-type', isPicture ? mimeType : 'text/plain; charset=utf-8');
  if (query.has('download')) response.setHeader('content-disposition', 'attachment');
  await pipeline(Readable.fromWeb(artifact.stream as ReadableStream), response);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new Failure(`port ${port} is in use`) : error);
    });
    server.listen(port, HOST, resolve);
  });
}

const OPENERS: Readonly<Record<string, [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** Opens the user's browser. The address has been printed, for machines without one. */
function openBrowser(url: string): void {
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  spawn(program, [...args, url], { stdio: 'ignore', detached: true })
    .once('error', () => {})
    .unref();
}

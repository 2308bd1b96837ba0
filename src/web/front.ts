import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Agents } from './agents.js';
import { requireText } from './body.js';
import type { Handler } from './devtools.js';
import type { Fault } from './faults.js';
import { type Allowed, refusal } from './guard.js';
import { HttpError, originForm, readJson, sendError, sendJson, splitTarget, statusOf } from './http.js';
import { findRoute, type Route } from './router.js';
import { artifactRoutes } from './routes/artifacts.js';
import { memoryRoutes } from './routes/memory.js';
import { sessionRoutes } from './routes/sessions.js';
import type { Services } from './services.js';
import { loadTurn, runTurn, type Turn } from './turns.js';

export interface FrontOptions {
  app: Handler;
  agents: Pick<Agents, 'has'>;
  services: Services;
  faults: ReadonlySet<Fault>;
  allowed: Allowed;
  maxBodyBytes: number;
}

/** Requests of ADK's server that run an agent, for a session that must exist. */
const RUNS = new Set(['/run', '/run_sse']);

/** The request handler in front of ADK's server: it refuses, answers or passes on. It never rejects. */
export function makeFront(options: FrontOptions): Handler {
  const routes = routesFor(options.faults, options.services);
  return (request, response) => {
    handle(request, response, options, routes).catch((error) => sendError(response, error));
  };
}

function routesFor(faults: ReadonlySet<Fault>, services: Services): Route[] {
  const all: Record<string, Route[]> = {
    ...sessionRoutes(services),
    memory: memoryRoutes(services),
    artifacts: artifactRoutes(services),
  };
  return Object.entries(all).flatMap(([fault, routes]) => (faults.has(fault as Fault) ? routes : []));
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  options: FrontOptions,
  routes: readonly Route[],
): Promise<void> {
  const refused = refusal(request, options.allowed);
  if (refused !== undefined) throw new HttpError(403, refused);
  const { method = 'GET' } = request;
  const url = originForm(request.url);
  request.url = url;
  const [path, search] = splitTarget(url);
  const found = findRoute(routes, method, path);
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const body = hasBody ? await readJson(request, response, options.maxBodyBytes) : {};
  if (found !== undefined) {
    const call = { request, response, params: found.params, query: new URLSearchParams(search), body };
    const answer = await found.route.answer(call);
    sendJson(response, answer.status ?? 200, answer.body, answer.headers);
    return;
  }
  if (options.faults.has('graph') && path.startsWith('/dev/apps/') && path.endsWith('/graph')) {
    request.url = url.slice('/dev'.length);
  }
  const turn: Turn = {};
  if (RUNS.has(path) && method === 'POST') await checkRun(body, turn, options);
  if (hasBody) Object.assign(request, { body, _body: true });
  passOn(request, response, turn, options.app);
}

/** Answers 404 or 503 itself: ADK's server would end the process where its store fails at this moment. */
async function checkRun(body: Record<string, unknown>, turn: Turn, { agents, services }: FrontOptions): Promise<void> {
  const key = {
    appName: requireText(body, 'appName'),
    userId: requireText(body, 'userId'),
    sessionId: requireText(body, 'sessionId'),
  };
  if (!agents.has(key.appName)) throw new HttpError(404, `App not found: ${key.appName}`);
  if (!(await loadTurn(turn, services.sessionService, key))) {
    throw new HttpError(404, `Session not found: ${key.sessionId}`);
  }
}

/** Lets ADK's server answer. An answer 500 after a failure of a store gets the status of the store's error. */
function passOn(request: IncomingMessage, response: ServerResponse, turn: Turn, app: Handler): void {
  const { writeHead } = response;
  response.writeHead = ((status: number, ...rest: []) => {
    const failed = status === 500 && turn.failed !== undefined;
    return writeHead.call(response, failed ? statusOf(turn.failed) : status, ...rest);
  }) as typeof writeHead;
  // The server waits for 'close' of the request, which Node emits as soon as the body is read, to stop the agent.
  response.once('close', () => {
    if (!response.writableFinished) request.emit('close');
  });
  runTurn(turn, () => app(request, response));
}

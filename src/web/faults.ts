import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InMemoryArtifactService, InMemoryMemoryService, InMemorySessionService } from '@google/adk';
import type { Handler } from './devtools.js';
import type { Services } from './services.js';

/** Faults of ADK's server that a newer version may be without. Each is mended by routes of its own. */
export type Fault = 'list' | 'read' | 'create' | 'change' | 'history' | 'memory' | 'artifacts' | 'graph';

type Ask = (method: string, path: string, body?: object) => Promise<{ response: Response; json: unknown }>;

const USER = '/apps/probe/users/probe';
const EVENT = { id: 'e1', invocationId: 'i1', author: 'user', timestamp: 1_000_000_000_000, actions: {} };

/** For each fault, a request whose answer is not the one expected. In this order: later ones need the sessions of earlier ones. */
const PROBES: Readonly<Record<Fault, (ask: Ask, services: Services) => Promise<boolean>>> = {
  async create(ask) {
    const created = await ask('POST', `${USER}/sessions`, { sessionId: 's1', state: { seen: 1 }, events: [EVENT] });
    const { events, id } = (created.json ?? {}) as { events?: unknown[]; id?: string };
    const again = await ask('POST', `${USER}/sessions/s1`, {});
    return id !== 's1' || events?.length !== 1 || again.response.status !== 409;
  },
  async list(ask, { sessionService }) {
    await sessionService.createSession({ appName: 'probe', userId: 'probe', sessionId: 's2' });
    const { json, response } = await ask('GET', `${USER}/sessions?limit=1&offset=0&order=desc`);
    if (!Array.isArray(json) || json.length !== 1 || response.headers.get('x-total-count') === null) return true;
    const [{ lastUpdateTime }] = json as [{ lastUpdateTime: number }];
    return Math.abs(lastUpdateTime * 1000 - Date.now()) > 86_400_000 * 365 * 100;
  },
  async read(ask) {
    const { response } = await ask('GET', `${USER}/sessions/s2`);
    return !response.ok || !/no-cache/.test(response.headers.get('cache-control') ?? '');
  },
  async change(ask) {
    return !isAnswer(await ask('PATCH', `${USER}/sessions/s2`, { stateDelta: { title: 'new' } }));
  },
  async history(ask) {
    const rewound = await ask('POST', `${USER}/sessions/s2/rewind`, { rewind_before_invocation_id: 'i1' });
    const forked = await ask('POST', `${USER}/sessions/s2/fork`, { session_id: 's3' });
    return !isAnswer(rewound) || !isAnswer(forked);
  },
  async memory(ask) {
    const added = await ask('PATCH', `${USER}/memory`, { session_id: 's2' });
    const found = await ask('GET', `${USER}/memory?query=word`);
    return !added.response.ok || !Array.isArray((found.json as { memories?: unknown })?.memories);
  },
  async artifacts(ask) {
    const saved = await ask('POST', `${USER}/sessions/s2/artifacts/a/b.txt`, { text: 'text' });
    const loaded = await ask('GET', `${USER}/sessions/s2/artifacts/a/b.txt`);
    const metadata = await ask('GET', `${USER}/sessions/s2/artifacts/a/b.txt/metadata`);
    return !saved.response.ok || !loaded.response.ok || !metadata.response.ok;
  },
  async graph(ask) {
    return !isAnswer(await ask('GET', `/dev${USER}/sessions/s2/events/e1/graph`));
  },
};

/** Whether a route has answered, be it with an error, and not the server itself that has none. */
const isAnswer = ({ json }: { json: unknown }) => typeof json === 'object' && json !== null;

/** The faults of a server, found out with requests to a port of its own on this machine. `services` are what it works on. */
export async function findFaults(handler: Handler, services: Services): Promise<Set<Fault>> {
  const server = createServer(handler);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ask: Ask = async (method, path, body) => {
    const init = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...init });
    const text = await response.text();
    return { response, json: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined };
  };
  try {
    const faults = new Set<Fault>();
    for (const [fault, probe] of Object.entries(PROBES)) {
      if (await probe(ask, services)) faults.add(fault as Fault);
    }
    return faults;
  } finally {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }
}

/** Services that keep nothing, to find faults with. */
export const probeServices = (): Services => ({
  sessionService: new InMemorySessionService(),
  memoryService: new InMemoryMemoryService(),
  artifactService: new InMemoryArtifactService(),
});

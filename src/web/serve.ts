import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BaseArtifactService, BaseMemoryService, BaseSessionService } from '@google/adk';
import { checkNames, checkObject, checkString, type NamesOf } from '../arguments.js';
import { invalidArgument, outOfRange } from '../errors.js';
import { Agents } from './agents.js';
import { adkApp } from './devtools.js';
import { findFaults, probeServices } from './faults.js';
import { makeFront } from './front.js';
import type { Services } from './services.js';
import { inTurns } from './turns.js';

/** Options of {@link serveAdk}. */
export interface ServeOptions {
  /** The folder of the agents: `name.js`, or `name/agent.js`, in any extension of JavaScript or TypeScript. */
  agentsDir: string;
  /** Services of sessions, memory and artifacts. Without theirs, memory and artifacts stay in this process. */
  services: {
    sessionService: BaseSessionService;
    memoryService?: BaseMemoryService;
    artifactService?: BaseArtifactService;
  };
  /** The address to listen on; `'127.0.0.1'` by default. */
  host?: string;
  /** 8000 by default; 0 takes a free one. */
  port?: number;
  /** `false` leaves out ADK's web UI. */
  ui?: boolean;
  /** Host names by which the server is reached apart from `localhost`, as `Host` and `Origin` headers name them. */
  allowedHosts?: readonly string[];
  /** The largest body of a request, in bytes; 50 MiB by default. A larger one is answered with 413. */
  maxBodyBytes?: number;
}

/** A running server. */
export interface AdkServer {
  /** The address to open in a browser. */
  readonly url: string;
  /** Agent files that could not be loaded, with the reason. */
  readonly failures: ReadonlyMap<string, string>;
  /**
   * Stops listening and waits for requests that are running, 10 s at most; later ones are cut off. The services stay open:
   * who opened them closes them afterwards. Idempotent.
   */
  close(): Promise<void>;
}

const OPTIONS: NamesOf<ServeOptions> = {
  agentsDir: true,
  services: true,
  host: true,
  port: true,
  ui: true,
  allowedHosts: true,
  maxBodyBytes: true,
};

const LONGEST_STOP_MS = 10_000;

/**
 * Serves ADK's web UI and API on the given services, with the faults of ADK's development server mended. Needs
 * `@google/adk-devtools`. Rejects if there is no agent, if the port is in use, and on wrong options, a TypeError or
 * RangeError that names the option.
 *
 * @example
 * const sessionService = new SqliteSessionService('agent.db');
 * const server = await serveAdk({ agentsDir: './agents', services: { sessionService } });
 * console.log(server.url);
 */
export async function serveAdk(options: ServeOptions): Promise<AdkServer> {
  const { host, port, ui, allowedHosts, maxBodyBytes } = checked(options);
  const agents = await Agents.load(options.agentsDir);
  const probed = probeServices();
  const services: Services = { ...probed, ...options.services };
  // The server works on the probe's services until its faults are known.
  const current = { ...probed };
  const app = await adkApp({
    sessionService: switched(current, 'sessionService'),
    memoryService: switched(current, 'memoryService'),
    artifactService: switched(current, 'artifactService'),
    agentLoader: agents,
    serveDebugUI: ui,
    host,
    allowedHosts: [...allowedHosts],
  });
  const faults = await findFaults(app, probed);
  Object.assign(current, services);
  const allowed = { host, further: new Set(allowedHosts.map((name) => name.toLowerCase())) };
  const server = createServer(makeFront({ app, agents, services, faults, allowed, maxBodyBytes }));
  await listen(server, host, port);
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(server, host),
    failures: agents.failures,
    close: () => {
      closing ??= stop(server);
      return closing;
    },
  };
}

function switched<Name extends keyof Services>(current: Services, name: Name): Services[Name] {
  const target = new Proxy({} as Services[Name], {
    get: (_, key) => {
      const value: unknown = Reflect.get(current[name], key, current[name]);
      return typeof value === 'function' ? value.bind(current[name]) : value;
    },
  });
  return inTurns(target);
}

function checked(options: ServeOptions) {
  checkNames('options', options, OPTIONS);
  const { agentsDir, services, host = '127.0.0.1', port = 8000, ui = true } = options;
  const { allowedHosts = [], maxBodyBytes = 50 * 2 ** 20 } = options;
  checkString('options.agentsDir', agentsDir);
  checkObject('options.services', services);
  checkObject('options.services.sessionService', services.sessionService);
  checkString('options.host', host);
  if (typeof ui !== 'boolean') throw invalidArgument('options.ui', 'a boolean', ui);
  if (!Array.isArray(allowedHosts) || allowedHosts.some((name) => typeof name !== 'string')) {
    throw invalidArgument('options.allowedHosts', 'an array of strings', allowedHosts);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw outOfRange('options.port', 'a port, 0 to 65535');
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 1) {
    throw outOfRange('options.maxBodyBytes', 'a whole number of bytes, 1 or more');
  }
  return { host, port, ui, allowedHosts, maxBodyBytes };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') reject(error);
      else
        reject(Object.assign(new Error(`port ${port} of ${host} is in use`, { cause: error }), { code: error.code }));
    });
    server.listen(port, host, resolve);
  });
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), LONGEST_STOP_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}

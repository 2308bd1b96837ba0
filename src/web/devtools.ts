import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '@google/adk';
import type { Agents } from './agents.js';
import type { Services } from './services.js';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

type ExpressApp = Handler & { enable(setting: string): void };

/** The part of ADK's server that is used. */
interface AdkApiServer {
  readonly app: ExpressApp;
  /** Adds the routes to `app`. Private in the types; `start()` calls it and then listens on a port of its own. */
  init(): Promise<void>;
}

interface ServerOptions extends Services {
  agentLoader: Agents;
  serveDebugUI: boolean;
  host: string;
  allowedHosts: string[];
  logger: Logger;
}

type Devtools = { AdkApiServer: new (options: ServerOptions) => AdkApiServer };

/** Problems of ADK's server go to standard error; its notes about each request are left out. */
const logger: Logger = {
  log() {},
  debug() {},
  info() {},
  warn: (...args) => console.error(...args),
  error: (...args) => console.error(...args),
  setLogLevel() {},
};

/** The application of ADK's server, with its routes, on no port. */
export async function adkApp(options: Omit<ServerOptions, 'logger'>): Promise<Handler> {
  const { AdkApiServer } = await loadDevtools();
  // With an agent loader of ours the server adds none of its handlers that end the process.
  const server = new AdkApiServer({ ...options, logger });
  if (typeof server.init !== 'function') {
    throw new Error('this version of @google/adk-devtools is not supported');
  }
  // Otherwise `/RUN` and `/run/` are `/run` as well, and pass the checks in front of it.
  for (const setting of ['case sensitive routing', 'strict routing']) server.app.enable(setting);
  await server.init();
  return server.app;
}

async function loadDevtools(): Promise<Devtools> {
  try {
    return (await import('@google/adk-devtools')) as unknown as Devtools;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error("serveAdk() needs ADK's development tools: npm install @google/adk-devtools", { cause: error });
  }
}

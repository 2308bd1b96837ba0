import type { BaseArtifactService, BaseMemoryService, BaseSessionService, Session } from '@google/adk';
import type { SqliteSessionService } from '../adk/index.js';
import { HttpError } from './http.js';
import type { Key } from './turns.js';

/** The services that the server works on. */
export interface Services {
  sessionService: BaseSessionService;
  memoryService: BaseMemoryService;
  artifactService: BaseArtifactService;
}

/** The store and pool beneath a session service of this package; 501 for any other. */
export function storeOf(service: BaseSessionService): Pick<SqliteSessionService, 'store' | 'pool'> {
  const { store, pool } = service as Partial<SqliteSessionService>;
  if (store === undefined || pool === undefined) throw unsupported('change a session without an event');
  return { store, pool };
}

/** A method that not every session service has; 501 where it is missing. */
export function methodOf<Name extends string>(service: BaseSessionService, name: Name, does: string) {
  const method = (service as unknown as Record<string, unknown>)[name];
  if (typeof method !== 'function') throw unsupported(does);
  return method.bind(service) as (...args: unknown[]) => Promise<unknown>;
}

function unsupported(does: string): HttpError {
  return new HttpError(501, `the session service of this server can't ${does}`);
}

/** The session, or 404. */
export async function requireSession(
  service: BaseSessionService,
  key: Key,
  config?: { numRecentEvents: number },
): Promise<Session> {
  const session = await service.getSession({ ...key, ...(config && { config }) });
  if (session === undefined) throw new HttpError(404, `Session not found: ${key.sessionId}`);
  return session;
}

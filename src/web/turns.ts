import { AsyncLocalStorage } from 'node:async_hooks';
import type { BaseSessionService, Session } from '@google/adk';

/** The key of a session, as ADK's requests carry it. */
export interface Key {
  appName: string;
  userId: string;
  sessionId: string;
}

/** One request to the server of ADK, with what its store calls have in common. */
export interface Turn {
  /** The error of the last store call that failed. */
  failed?: unknown;
  loaded?: { key: Key; session: Session; revision: number | undefined; served: number };
}

const turns = new AsyncLocalStorage<Turn>();

/** Runs the handler of a request. Its store calls find the turn again, on whatever way. */
export const runTurn = <T>(turn: Turn, run: () => T): T => turns.run(turn, run);

/** The part of a store that tells whether a session has changed; sessions of other services are read again. */
interface Revisions {
  store?: { getSession?(key: Key): Promise<{ revision: number } | undefined> };
}

/** Reads the session of a turn, for all its handlers at once; whether it exists. */
export async function loadTurn(turn: Turn, service: BaseSessionService, key: Key): Promise<boolean> {
  // Read before the session: a write between the two makes the next read of the revision differ.
  const revision = await revisionOf(service, key);
  const session = await service.getSession(key);
  if (session === undefined) return false;
  turn.loaded = { key, session, revision, served: 0 };
  return true;
}

async function revisionOf(service: BaseSessionService, key: Key): Promise<number | undefined> {
  return (await (service as Revisions).store?.getSession?.(key))?.revision;
}

/**
 * A service that notes failed calls in the turn that made them, and reads a session once for a turn. ADK's server asks
 * whether a session exists, outside of its error handling; its Runner then reads the session again.
 */
export function inTurns<Service extends object>(service: Service): Service {
  return new Proxy(service, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        const turn = turns.getStore();
        try {
          if (name === 'getSession' && turn?.loaded !== undefined) {
            const known = await loadedSession(turn, target as unknown as BaseSessionService, args[0] as Key);
            if (known !== undefined) return known;
          }
          return await value.apply(target, args);
        } catch (error) {
          if (turn !== undefined) turn.failed = error;
          throw error;
        }
      };
    },
  });
}

async function loadedSession(turn: Turn, service: BaseSessionService, request: Key & { config?: unknown }) {
  const { loaded } = turn;
  if (loaded === undefined || request.config !== undefined) return undefined;
  const { key, session, revision } = loaded;
  const { appName, userId, sessionId } = request;
  if (appName !== key.appName || userId !== key.userId || sessionId !== key.sessionId) return undefined;
  // The first call is the question whether the session exists, which has just been answered.
  if (loaded.served++ === 0) return session;
  return revision !== undefined && (await revisionOf(service, key)) === revision ? session : undefined;
}

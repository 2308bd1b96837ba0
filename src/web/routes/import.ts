import { randomUUID } from 'node:crypto';
import type { BaseSessionService, CreateSessionRequest, Event, Session } from '@google/adk';
import { createEvent } from '@google/adk';
import { toRecord } from '../../adk/session/event-codec.js';
import { splitState } from '../../adk/session/state-scopes.js';
import { epochMillis } from '../../codec/epoch.js';
import type { EventRecord, JsonObject } from '../../store/index.js';
import { HttpError } from '../http.js';
import { requireSession, storeOf } from '../services.js';

/**
 * Creates a session with the events and the state of an exported one, all or nothing. The state is taken as it is; the
 * events change nothing of it. 409 if the session exists.
 */
export async function importSession(
  service: BaseSessionService,
  request: CreateSessionRequest,
  events: unknown,
): Promise<Session> {
  const { store, pool } = storeOf(service);
  const { appName, userId, sessionId = randomUUID(), state = {} } = request;
  const key = { appName, userId, sessionId };
  const records = eventsOf(events).map((event) => toRecord(event, key));
  const { session = {}, app, user } = splitState(state);
  // Makes the tables, which a transaction of the pool's cannot.
  await service.getSession({ ...key, config: { numRecentEvents: 0 } });
  await pool.transaction(async (tx) => {
    const inside = store.with(tx);
    const state = withoutKeys(session, keysOf(records));
    await inside.createSession({ ...key, state, ...(app && { app }), ...(user && { user }) });
    await inside.appendEvents(records);
    await inside.updateSessionState(key, session);
  });
  return requireSession(service, key);
}

/** The keys that events have set. Their first values are not in an export, so the session begins without them. */
function keysOf(records: readonly EventRecord[]): Set<string> {
  return new Set(records.flatMap(({ actions }) => Object.keys((actions as JsonObject | null)?.stateDelta ?? {})));
}

function withoutKeys(state: JsonObject, keys: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(state).filter(([key]) => !keys.has(key)));
}

function eventsOf(events: unknown): Event[] {
  if (!Array.isArray(events)) throw new HttpError(400, 'events must be an array');
  return events.map((event, at) => {
    if (typeof event !== 'object' || event === null || Array.isArray(event)) {
      throw new HttpError(400, `events[${at}] must be an object`);
    }
    // Fields are kept as they are, those of a newer ADK too; only missing ones are filled in.
    const whole: Event = Object.assign(createEvent(), event);
    whole.timestamp = epochMillis(whole.timestamp);
    return whole;
  });
}

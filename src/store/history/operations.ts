import { randomUUID } from 'node:crypto';
import { checkKey } from '../arguments.js';
import type { Backend } from '../backend.js';
import type { EventRow } from '../codec/event-codec.js';
import { PreparedAppend } from '../prepare.js';
import type { EventRecord, JsonObject, SessionKey } from '../records.js';
import { checkEventPage, checkFork, checkRewind } from './arguments.js';
import type { Cut, ForkPlan, RewindPlan } from './plan.js';
import type { EventPageOptions, ForkOptions, HistoryPoint, RewindOptions } from './records.js';
import type { History } from './timeline.js';

/** Checks the arguments of a rewind, and says how to carry it out. */
export function planRewind(backend: Backend, key: SessionKey, to: HistoryPoint, options: RewindOptions): RewindPlan {
  checkKey(key);
  const point = checkRewind(to, options);
  const { mode = 'remove', archive = true, artifacts = 'restore' } = options;
  const plan: RewindPlan = { point, archive, artifacts: artifacts === 'restore' };
  if (mode === 'mark' && 'beforeInvocationId' in point) {
    const { appName, userId, sessionId } = key;
    const own = { appName, userId, sessionId };
    plan.marker = (history, cut) => markerOf(backend, own, point.beforeInvocationId, history, cut);
  }
  return plan;
}

/**
 * The event that adk-python's readers take for a rewind. Its delta turns the state into that of the point, so that a replay
 * of all deltas gives the same.
 */
function markerOf(
  backend: Backend,
  key: SessionKey,
  rewindBeforeInvocationId: string,
  { session }: History,
  { state }: Cut,
): PreparedAppend {
  const stateDelta = difference(session.state, state);
  const event: EventRecord = {
    ...key,
    id: randomUUID(),
    invocationId: `e-${randomUUID()}`,
    author: 'user',
    timestamp: Date.now(),
    actions: {
      stateDelta,
      artifactDelta: {},
      requestedAuthConfigs: {},
      requestedToolConfirmations: {},
      rewindBeforeInvocationId,
    },
  };
  return new PreparedAppend(backend, event, { session: stateDelta });
}

/** The delta from one state to another; a key to remove has the value `undefined`. */
function difference(from: JsonObject, to: JsonObject): JsonObject {
  const delta = new Map<string, unknown>();
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) delta.set(key, undefined);
  for (const [key, value] of Object.entries(to)) {
    if (!Object.hasOwn(from, key) || JSON.stringify(from[key]) !== JSON.stringify(value)) delta.set(key, value);
  }
  return Object.fromEntries(delta);
}

/** Loads a page of a session's events. */
export async function loadEventPage(
  backend: Backend,
  key: SessionKey,
  page: EventPageOptions = {},
): Promise<{ rows: EventRow[]; hasMore: boolean }> {
  checkKey(key);
  checkEventPage(page);
  const { beforeSeq = Number.MAX_SAFE_INTEGER, afterSeq = 0, limit = 100, order = 'asc' } = page;
  const rows = await backend.eventPage(key, { beforeSeq, afterSeq, limit: limit + 1, order });
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** Checks the arguments of a fork, and says how to carry it out. */
export function planFork(key: SessionKey, options: ForkOptions): ForkPlan {
  checkKey(key);
  const point = checkFork(options);
  const { userId = key.userId, artifacts = 'share' } = options;
  const sessionId = options.sessionId || randomUUID(); // as createSession() has it
  const plan: ForkPlan = { sessionId, userId, artifacts: artifacts === 'share' };
  if (point !== undefined) plan.point = point;
  return plan;
}

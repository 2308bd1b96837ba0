import { createHash } from 'node:crypto';
import type { ListSessionsRequest, Session } from '@google/adk';
import { splitState } from '../../adk/session/state-scopes.js';
import { countOf, objectOf, requireText, textOf } from '../body.js';
import { HttpError } from '../http.js';
import type { Call, Route } from '../router.js';
import { methodOf, requireSession, type Services, storeOf } from '../services.js';
import type { Key } from '../turns.js';
import { importSession } from './import.js';

const SESSIONS = '/apps/:appName/users/:userId/sessions';
const SESSION = `${SESSIONS}/:sessionId`;

const keyOf = ({ params }: Call) => params as unknown as Key;

/** Routes of sessions that ADK's server lacks or answers in another shape than its own web UI reads. */
export function sessionRoutes({
  sessionService,
}: Services): Record<'list' | 'read' | 'create' | 'change' | 'history', Route[]> {
  return {
    list: [
      {
        method: 'GET',
        path: SESSIONS,
        async answer({ params, query }) {
          const { sessions, totalItems } = await sessionService.listSessions(listRequest(params, query));
          const body = sessions.map((session) => ({ ...session, lastUpdateTime: session.lastUpdateTime / 1000 }));
          return { body, headers: { 'x-total-count': String(totalItems) } };
        },
      },
    ],
    read: [
      {
        method: 'GET',
        path: SESSION,
        async answer(call) {
          const key = keyOf(call);
          const etag = await tagOf(sessionService as Partial<ReturnType<typeof storeOf>>, key);
          const headers = etag === undefined ? undefined : { etag, 'cache-control': 'no-cache' };
          if (etag !== undefined && call.request.headers['if-none-match'] === etag)
            return { status: 304, headers: { etag } };
          return { body: await requireSession(sessionService, key), ...(headers && { headers }) };
        },
      },
    ],
    create: [
      { method: 'POST', path: SESSIONS, answer: (call) => create(call, textOf(call.body, 'session_id')) },
      { method: 'POST', path: SESSION, answer: (call) => create(call, keyOf(call).sessionId) },
    ],
    change: [
      {
        method: 'PATCH',
        path: SESSION,
        async answer(call) {
          const key = keyOf(call);
          await changeState(sessionService, key, objectOf(call.body, 'state_delta') ?? {});
          return { body: await requireSession(sessionService, key) };
        },
      },
    ],
    history: [
      {
        method: 'POST',
        path: `${SESSION}/rewind`,
        async answer(call) {
          const rewind = methodOf(sessionService, 'rewind', 'rewind a session');
          const beforeInvocationId = requireText(call.body, 'rewind_before_invocation_id');
          return { body: await rewind(keyOf(call), { beforeInvocationId }) };
        },
      },
      {
        method: 'POST',
        path: `${SESSION}/fork`,
        async answer(call) {
          const fork = methodOf(sessionService, 'fork', 'fork a session');
          const sessionId = textOf(call.body, 'session_id');
          const beforeInvocationId = textOf(call.body, 'before_invocation_id');
          const options = {
            ...(sessionId !== undefined && { sessionId }),
            ...(beforeInvocationId !== undefined && { at: { beforeInvocationId } }),
          };
          return { body: await fork(keyOf(call), options) };
        },
      },
    ],
  };

  async function create(call: Call, sessionId: string | undefined) {
    const { appName = '', userId = '' } = call.params;
    const state = objectOf(call.body, 'state') ?? {};
    const { events } = call.body;
    const request = { appName, userId, state, ...(sessionId !== undefined && { sessionId }) };
    if (events !== undefined && events !== null) return { body: await importSession(sessionService, request, events) };
    if (sessionId !== undefined) await refuseExisting({ appName, userId, sessionId });
    return { body: await sessionService.createSession(request) };
  }

  /** Not every service says so by an error with a code. */
  async function refuseExisting(key: Key): Promise<void> {
    const config = { numRecentEvents: 0 };
    if (await sessionService.getSession({ ...key, config }))
      throw new HttpError(409, `Session already exists: ${key.sessionId}`);
  }
}

function listRequest(params: Record<string, string>, query: URLSearchParams): ListSessionsRequest {
  const { appName = '', userId = '' } = params;
  const order = query.get('order');
  if (order !== null && order !== 'asc' && order !== 'desc') throw new HttpError(400, 'order must be asc or desc');
  const [limit, offset] = [countOf(query, 'limit'), countOf(query, 'offset')];
  return {
    appName,
    userId,
    order: order ?? 'desc',
    ...(limit !== undefined && { limit }),
    ...(offset !== undefined && { offset }),
  };
}

/**
 * A tag of everything that the answer holds, without reading events: the revision, the shared states, and the number of events,
 * which retention lessens without raising the revision.
 */
async function tagOf({ store }: Partial<ReturnType<typeof storeOf>>, key: Key): Promise<string | undefined> {
  const loaded = await store?.loadSession(key, { limit: 0 });
  if (loaded === undefined) return undefined;
  const { session, appState, userState } = loaded;
  const events = await store?.backend.countEvents(key);
  const text = JSON.stringify([session.createTime, session.revision, events, session.state, appState, userState]);
  return `"${createHash('sha256').update(text).digest('base64url')}"`;
}

/** Merges a delta into the state of each scope, in one transaction. No event says so. */
async function changeState(service: Services['sessionService'], key: Key, delta: Session['state']): Promise<void> {
  const { store, pool } = storeOf(service);
  const { session, app, user } = splitState(delta);
  // Makes the tables, too, which the transaction can't.
  await requireSession(service, key, { numRecentEvents: 0 });
  await pool.transaction(async (tx) => {
    const inside = store.with(tx);
    if (session !== undefined) await inside.mergeSessionState(key, session);
    if (app !== undefined) await inside.updateAppState(key.appName, app);
    if (user !== undefined) await inside.updateUserState(key.appName, key.userId, user);
  });
}

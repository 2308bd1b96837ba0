import { importOurs, PRAGMAS } from './shared/package.mjs';

/** The store without ADK's layer above it: records instead of events, no session objects to keep up. */
export async function openSessions(file, { synchronous }) {
  const [{ createPool }, { SessionStore }] = await Promise.all([importOurs('index'), importOurs('store/index')]);
  const pool = createPool({ database: file, synchronous, pragmas: PRAGMAS });
  const store = new SessionStore(pool);
  await store.createTables();
  return {
    async createSession({ appName, userId, sessionId }) {
      return { appName, userId, ...(await store.createSession({ appName, userId, sessionId })) };
    },
    appendEvent({ session, event }) {
      return store.appendEvent(recordOf(event, session));
    },
    async getSession({ appName, userId, sessionId, config }) {
      const filter = config?.numRecentEvents === undefined ? {} : { last: config.numRecentEvents };
      return await store.loadSession({ appName, userId, sessionId }, filter);
    },
    async listSessions({ appName, userId, limit, page = 1 }) {
      const user = userId === undefined ? {} : { userId };
      return await store.listSessionPage({ appName, ...user, limit, offset: (page - 1) * limit });
    },
    close: () => pool.close(),
  };
}

function recordOf({ id, invocationId, author, actions, longRunningToolIds, timestamp, content }, session) {
  const { id: sessionId, appName, userId } = session;
  return { id, sessionId, appName, userId, invocationId, author, actions, longRunningToolIds, timestamp, content };
}

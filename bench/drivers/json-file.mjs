import { mkdirSync } from 'node:fs';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A session's file is written whole at each append and put in place, without fsync: as people write it. */
export async function openSessions(file) {
  const folder = `${file}.json`;
  mkdirSync(folder, { recursive: true });
  const pathOf = ({ userId, id }) => join(folder, `${userId}.${id}.json`);
  const save = async (session) => {
    const path = pathOf(session);
    await writeFile(`${path}.new`, JSON.stringify(session));
    await rename(`${path}.new`, path);
  };
  return {
    async createSession({ appName, userId, sessionId: id, state = {} }) {
      const session = { id, appName, userId, state, events: [], lastUpdateTime: Date.now() };
      await save(session);
      return session;
    },
    async appendEvent({ session, event }) {
      Object.assign(session.state, event.actions.stateDelta);
      session.events.push(event);
      session.lastUpdateTime = event.timestamp;
      await save(session);
      return event;
    },
    async getSession({ userId, sessionId, config }) {
      const session = JSON.parse(await readFile(pathOf({ userId, id: sessionId }), 'utf8'));
      if (config?.numRecentEvents) session.events = session.events.slice(-config.numRecentEvents);
      return session;
    },
    async listSessions({ userId, limit, page = 1 }) {
      const names = (await readdir(folder)).filter((name) => userId === undefined || name.startsWith(`${userId}.`));
      const sessions = await Promise.all(
        names.map(async (name) => ({ ...JSON.parse(await readFile(join(folder, name), 'utf8')), events: [] })),
      );
      sessions.sort((a, b) => b.lastUpdateTime - a.lastUpdateTime);
      return { sessions: sessions.slice((page - 1) * limit, page * limit), totalItems: sessions.length };
    },
    async seed(session, events) {
      session.events.push(...events);
      await save(session);
    },
    close: async () => {},
  };
}

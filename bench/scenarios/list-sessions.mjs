import { SESSIONS } from '../drivers/index.mjs';
import { sessionOf } from '../workload.mjs';
import { makeSessionFile, openSessions } from './shared.mjs';

const COUNT = 2_000;
const PER_USER = 200;

/** A page of 50, the most recently updated first, and the total. */
const listSessions = (ofUser) => ({
  name: ofUser ? 'list-user' : 'list-app',
  title: `listSessions, a page of 50 of ${ofUser ? `${PER_USER} sessions of one user` : '2,000 sessions of an app'}`,
  unit: 'page',
  baseline: 'better-sqlite3',
  drivers: SESSIONS.filter((name) => !['better-sqlite3-batching', 'better-sqlite3-raw'].includes(name)),
  template: (file) => makeSessionFile(file, { sessions: COUNT, perUser: PER_USER }),
  open: async ({ driver, module, file }) => ({
    service: await openSessions({ driver, module, file, seed: { sessions: COUNT, perUser: PER_USER } }),
  }),
  async round({ service }, count) {
    const { appName, userId } = sessionOf(0, PER_USER);
    const request = ofUser ? { appName, userId, limit: 50 } : { appName, limit: 50 };
    for (let i = 0; i < count; i++) {
      const { sessions } = await service.listSessions({ ...request, page: 1 + (i % 4), order: 'desc' });
      if (sessions.length !== 50) throw new Error('not the sessions that were stored');
    }
  },
  close: ({ service }) => service.close(),
});

export default [listSessions(false), listSessions(true)];

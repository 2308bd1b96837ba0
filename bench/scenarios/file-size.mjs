import { statSync } from 'node:fs';
import { SESSIONS } from '../drivers/index.mjs';
import { eventsOf, sessionOf } from '../workload.mjs';
import { makeSessionFile, openSessions } from './shared.mjs';

const EVENTS = 20_000;
const SIZE = 400;

export default [
  {
    name: 'file-size',
    title: `bytes on disk per ${SIZE}-byte event, indexes included, after the checkpoint`,
    unit: 'event',
    drivers: SESSIONS.filter((name) => ['aiosqlite', 'adk-database'].includes(name)),
    quick: ['aiosqlite'],
    fixed: EVENTS,
    warm: false,
    rounds: 1,
    template: (file) => makeSessionFile(file),
    async open({ driver, module, file }) {
      const service = await openSessions({ driver, module, file, synchronous: 'off' });
      const sessions = [];
      for (let i = 0; i < 64; i++) sessions.push(await service.createSession(sessionOf(i)));
      return { driver, module, service, sessions, file: driver === 'adk-database' ? `${file}.adk` : file };
    },
    prepare: (_, count) => eventsOf(0, count, { size: SIZE }),
    async round(state, count, events) {
      const { driver, service, sessions, file } = state;
      const json = events.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
      if (driver === 'adk-database') {
        for (let i = 0; i < 64; i++)
          await service.seed(
            sessions[i],
            events.filter((_, n) => n % 64 === i),
          );
      } else {
        // In the order in which 64 callers come.
        for (let i = 0; i < count; i += 64) {
          await Promise.all(
            events.slice(i, i + 64).map((event, n) => service.appendEvent({ session: sessions[n], event })),
          );
        }
      }
      await service.close();
      state.service = undefined;
      const bytes = statSync(file).size;
      return { bytesPerEvent: bytes / count, timesJson: bytes / json };
    },
    close: ({ service }) => service?.close(),
  },
];

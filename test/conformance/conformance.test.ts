import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InMemorySessionService, LogLevel, setLogLevel } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { conformance, type Subject } from './suite.js';

setLogLevel(LogLevel.ERROR);

function inFile(options = {}): Subject {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-test-'));
  const service = new SqliteSessionService({ database: join(folder, 'agent.db'), ...options });
  return {
    service,
    async close() {
      await service.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

conformance('SqliteSessionService in a file', async () => inFile());

conformance('SqliteSessionService in memory', async () => {
  const service = new SqliteSessionService(':memory:');
  return { service, close: () => service.close() };
});

conformance('SqliteSessionService that rejects stale sessions', async () => inFile({ staleSessions: 'reject' }), [
  // This is what the option is for.
  'through a session object that others have overtaken brings it up to date',
  'through an overtaken session object does not touch what is waiting to be appended',
  'through a copy of a session object doubles nothing and skips nothing',
]);

conformance("ADK's InMemorySessionService", async () => ({ service: new InMemorySessionService() }), [
  'that exists already is refused, and stays as it is',
  'splits its state by scope',
  'is independent of the objects that it was made from',
  'gives any number of concurrent callers one session',
  'to none',
  'to those after a time, exclusive',
  'to the newest n after a time',
  'but not to a negative or broken number',
  'shows temp keys on the session object, also where only the event has them',
  'returns partial events as they came, and does nothing else',
  'stores what the event was at the call',
  'to a session that is not there rejects, and leaves session object and event alone',
  'of what can not be stored rejects, and leaves session object and event alone',
  'through a session object that others have overtaken brings it up to date',
  'through an overtaken session object does not touch what is waiting to be appended',
  'through a copy of a session object doubles nothing and skips nothing',
  'has the most recently updated first unless told otherwise',
  'shows the state of all scopes, and no events',
  'rejects broken numbers',
]);

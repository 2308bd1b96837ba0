import { LogLevel, setLogLevel } from '@google/adk';
import { PostgresSessionService, type PostgresSessionServiceOptions } from 'aiosqlite/adk';
import { describePostgres, postgres } from '../support/postgres.js';
import { conformance } from './suite.js';

setLogLevel(LogLevel.ERROR);

describePostgres('on PostgreSQL', () => {
  const on = postgres();
  const make = (options: PostgresSessionServiceOptions) => async () => {
    const service = new PostgresSessionService(on.pool(), { schema: on.schema(), ...options });
    return { service, close: () => service.close() };
  };
  // PostgreSQL holds no U+0000, and an index no id of any length: the suite of the store covers the others.
  const ids = 'has exactly the ids that were given, white space and quotes too';
  conformance('PostgresSessionService', make({}), [ids]);
  conformance(
    'PostgresSessionService without shared commits and prepared statements',
    make({ batch: false, prepare: false }),
    [ids],
  );
  conformance('PostgresSessionService that rejects stale sessions', make({ staleSessions: 'reject' }), [
    ids,
    // This is what the option is for.
    'through a session object that others have overtaken brings it up to date',
    'through an overtaken session object does not touch what is waiting to be appended',
    'through a copy of a session object doubles nothing and skips nothing',
  ]);
});

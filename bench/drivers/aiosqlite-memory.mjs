import { importOurs, PRAGMAS } from './shared/package.mjs';

/** The session service with a memory that each append fills, in its transaction. */
export async function openSessions(file, { synchronous }) {
  const { openServices } = await importOurs('adk/index');
  const { sessionService, close } = openServices({ database: file, synchronous, pragmas: PRAGMAS });
  return Object.assign(sessionService, { close });
}

#!/usr/bin/env node
/**
 * A real agent of Google's Agent Development Kit whose sessions live in a SQLite file: `npm start`, or
 * `node examples/agent.mjs` after `npm run build`. Run it twice: the second run goes on where the first one stopped.
 *
 * The model is scripted, so that it needs no network and no key; everything else is what a service would use.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LogLevel, Runner, StreamingMode, setLogLevel } from '@google/adk';
import { ConversationPrinter, printHeader, printStored } from './agent/report.mjs';
import { TimedSessionService } from './agent/timed-session-service.mjs';
import { createTravelAgent, firstVisit, laterVisit } from './agent/travel-agent.mjs';

const USAGE = `usage: node examples/agent.mjs [--db FILE | --memory]

  --db FILE   where the sessions are kept; default: agent.db beside this program
  --memory    keep them in memory: gone when the program ends
  --help      print this text`;

/** @returns {{ db?: string, memory?: boolean, help?: boolean }} */
function readArguments() {
  try {
    const { values } = parseArgs({
      options: { db: { type: 'string' }, memory: { type: 'boolean' }, help: { type: 'boolean' } },
    });
    if (values.db === '') throw new Error('--db needs a file');
    if (values.memory && values.db) throw new Error('--db and --memory exclude each other');
    return values;
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const options = readArguments();
if (options.help) {
  console.log(USAGE);
  process.exit();
}
const database = options.memory ? ':memory:' : (options.db ?? fileURLToPath(new URL('agent.db', import.meta.url)));

setLogLevel(LogLevel.ERROR);
const key = { appName: 'travel', userId: 'ada', sessionId: 'trip' };
const service = new TimedSessionService(database);
try {
  const runner = new Runner({ appName: key.appName, agent: createTravelAgent(), sessionService: service });
  // Keys with a prefix go where they belong: `app:` is shared by all sessions of the app.
  const session = await service.getOrCreateSession({ ...key, state: { 'app:agency': 'Sea and Road', turns: 0 } });
  const isNew = session.events.length === 0;
  printHeader(database, session);

  const printer = new ConversationPrinter();
  for (const text of isNew ? firstVisit : laterVisit) {
    printer.user(text);
    const events = runner.runAsync({
      userId: key.userId,
      sessionId: key.sessionId,
      newMessage: { role: 'user', parts: [{ text }] },
      runConfig: { streamingMode: StreamingMode.SSE },
    });
    for await (const event of events) printer.event(event);
  }
  await printStored(service, key, session.events.length, printer.partialEvents);
  console.log(
    options.memory ? '\nIt was in memory and is gone now.' : `\nThe file is ${database}\nRun it again to go on.`,
  );
} finally {
  await service.close();
}

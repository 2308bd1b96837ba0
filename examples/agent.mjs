#!/usr/bin/env node
/**
 * A real agent of Google's Agent Development Kit whose sessions, memory and artifacts live in one SQLite file: `npm start`, or
 * `node examples/agent.mjs` after `npm run build`. Run it twice: the second run goes on where the first one stopped.
 *
 * The model is scripted, so that it needs no network and no key; everything else is what a service would use.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LogLevel, Runner, StreamingMode, setLogLevel } from '@google/adk';
import { openServices } from 'aiosqlite/adk';
import { timeAppends } from './agent/append-times.mjs';
import { createPostcardAgent, postcardWish } from './agent/postcard-agent.mjs';
import { ConversationPrinter, printArtifact, printHeader, printRewind, printStored } from './agent/report.mjs';
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
const services = openServices(database);
const { sessionService } = services;
const appendTimes = timeAppends(sessionService);
try {
  const printer = new ConversationPrinter();
  /** @param {Runner} runner @param {string} sessionId @param {string} text */
  const say = async (runner, sessionId, text) => {
    printer.user(text);
    const events = runner.runAsync({
      userId: key.userId,
      sessionId,
      newMessage: { role: 'user', parts: [{ text }] },
      runConfig: { streamingMode: StreamingMode.SSE },
    });
    for await (const event of events) printer.event(event);
  };

  // Keys with a prefix go where they belong: `app:` is shared by all sessions of the app.
  const session = await sessionService.getOrCreateSession({
    ...key,
    state: { 'app:agency': 'Sea and Road', turns: 0 },
  });
  printHeader(database, session);
  const agency = new Runner({ appName: key.appName, agent: createTravelAgent(), ...services });
  for (const text of session.events.length === 0 ? firstVisit : laterVisit) await say(agency, key.sessionId, text);
  await printStored(sessionService.store, key, session.events.length, printer.partialEvents, appendTimes);
  await printArtifact(services.artifactService, { ...key, filename: 'wishes.txt' });
  await printRewind(services, { ...key, filename: 'wishes.txt' });

  // A session without a history, so that only memory knows what was said. It goes, and what memory holds of it.
  console.log('\nA new session:');
  const { id } = await sessionService.createSession({ appName: key.appName, userId: key.userId });
  await say(new Runner({ appName: key.appName, agent: createPostcardAgent(), ...services }), id, postcardWish);
  await sessionService.deleteSession({ ...key, sessionId: id, memory: true });
  console.log(
    options.memory ? '\nIt was in memory and is gone now.' : `\nThe file is ${database}\nRun it again to go on.`,
  );
} finally {
  await services.close();
}

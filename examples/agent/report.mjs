import { resolve } from 'node:path';
import { sqliteVersion } from 'aiosqlite';

const NAME_WIDTH = 15;
const LINE_WIDTH = 120;

/**
 * @param {string} database
 * @param {import('@google/adk').Session} session
 */
export function printHeader(database, session) {
  const { appName, userId, id, events, state } = session;
  console.log(`SQLite ${sqliteVersion}, ${database === ':memory:' ? 'in memory' : resolve(database)}`);
  console.log(
    events.length === 0
      ? `Session ${appName}/${userId}/${id} is new.`
      : `Found session ${appName}/${userId}/${id}: ${events.length} events, ${state.turns} turns. The conversation goes on.`,
  );
}

/** Prints events as they come: what is streamed word by word, everything else as a line. */
export class ConversationPrinter {
  partialEvents = 0;
  /** Author of the line that is being written. */
  #streaming = '';

  /** @param {string} text */
  user(text) {
    console.log(`\n${'you'.padEnd(NAME_WIDTH)} ${text}`);
  }

  /** @param {import('@google/adk').Event} event */
  event(event) {
    const { author = '', partial, content } = event;
    if (partial) this.partialEvents += 1;
    for (const part of content?.parts ?? []) {
      if (partial && author !== 'writer') continue; // two experts at once would mix their words
      if (partial) this.#stream(author, part.text ?? '');
      else if (part.functionCall) this.#line(author, `calls ${part.functionCall.name} ${json(part.functionCall.args)}`);
      else if (part.functionResponse) this.#line(author, `got ${json(part.functionResponse.response)}`);
      else if (this.#streaming === author) this.#endStream();
      else this.#line(author, part.text ?? '');
    }
  }

  /** @param {string} author @param {string} text */
  #stream(author, text) {
    if (this.#streaming !== author) process.stdout.write(`${author.padEnd(NAME_WIDTH)} `);
    this.#streaming = author;
    process.stdout.write(text);
  }

  #endStream() {
    this.#streaming = '';
    process.stdout.write('\n');
  }

  /** @param {string} author @param {string} text */
  #line(author, text) {
    if (this.#streaming) this.#endStream();
    console.log(`${author.padEnd(NAME_WIDTH)} ${text.length > LINE_WIDTH ? `${text.slice(0, LINE_WIDTH)} …` : text}`);
  }
}

/**
 * The session as the file holds it now, read back through the store below the service.
 *
 * @param {import('aiosqlite/store').SessionStore} store
 * @param {import('aiosqlite/store').SessionKey} key
 * @param {number} before how many events there were when the program began
 * @param {number} partialEvents
 * @param {readonly number[]} appendTimes
 */
export async function printStored(store, key, before, partialEvents, appendTimes) {
  const loaded = await store.loadSession(key);
  if (!loaded) throw new Error('the session is gone');
  const { session, appState, userState, events } = loaded;

  console.log(
    `\nStored: ${events.length} events, ${events.length - before} of them now, in the order of the conversation.`,
  );
  console.log(`${partialEvents} partial events were shown and not stored.`);
  for (const { seq, author, branch = '', content } of events.slice(before)) {
    const [part] = /** @type {any[]} */ (content?.parts ?? []);
    const what = part?.functionCall ? 'call' : part?.functionResponse ? 'result' : 'text';
    const bytes = Buffer.byteLength(JSON.stringify(content ?? null));
    const columns = [String(seq).padStart(6), author.padEnd(NAME_WIDTH), what.padEnd(7), `${bytes} bytes`, branch];
    console.log(columns.join('  ').trimEnd());
  }

  console.log('\nState, by scope:');
  console.log(`  app:     ${json(appState)}`);
  console.log(`  user:    ${json(userState)}`);
  console.log(`  session  ${json(session.state)}`);
  const temporary = Object.keys({ ...session.state, ...appState, ...userState }).filter((name) =>
    name.startsWith('temp:'),
  );
  console.log(`  temp:    ${temporary.length === 0 ? 'readable while a turn ran, not stored' : temporary.join(', ')}`);

  const times = appendTimes.toSorted((a, b) => a - b);
  const ms = (/** @type {number | undefined} */ time = 0) => `${time.toFixed(2)} ms`;
  console.log(`\n${times.length} appends, each committed before the conversation went on:`);
  console.log(`  median ${ms(times[times.length >> 1])}, slowest ${ms(times.at(-1))}`);
}

/**
 * @param {import('aiosqlite/adk').SqliteArtifactService} service
 * @param {import('aiosqlite/store').SessionKey & { filename: string }} artifact
 */
export async function printArtifact(service, artifact) {
  const versions = await service.listVersions(artifact);
  const latest = await service.loadArtifact(artifact);
  console.log(`\nArtifact ${artifact.filename}: ${versions.length} versions. The latest says: ${latest?.text}`);
}

/**
 * Takes the session back to before its last question, shows what is left, and undoes it.
 *
 * @param {import('aiosqlite/adk').Services} services
 * @param {import('aiosqlite/store').SessionKey & { filename: string }} artifact
 */
export async function printRewind({ sessionService, artifactService }, artifact) {
  const { filename, ...key } = artifact;
  const { events } = await sessionService.getEventPage(key, { order: 'desc', limit: 1 });
  const { removed, session } = await sessionService.rewind(key, {
    beforeInvocationId: String(events[0]?.event.invocationId),
  });
  const versions = await artifactService.listVersions(artifact);
  console.log(`\nRewound to before the last question: ${removed} events are gone.`);
  console.log(
    `  The state is that of turn ${session.state.turns}, ${session.state.city}. Versions of ${filename}: ${versions.length}.`,
  );
  const { restored } = await sessionService.undoRewind(key);
  console.log(`  Undone: ${restored} events are back.`);
}

/** @param {unknown} value */
const json = (value) => JSON.stringify(value);

import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import type { Connection } from '../index.js';
import type { EventRecord, JsonObject, SessionStore } from '../store/index.js';
import { Failure, failureOf, onFile } from './failure.js';
import { Progress, plain, print, printJson } from './output.js';
import { type EventLine, keyOf, parseLine, type SessionLine, toLine } from './session-line.js';
import type { Command } from './vendor.js';

/** The output of `aiosqlite import --json`. */
interface Report {
  format: 'aiosqlite';
  sessions: { read: number; converted: number; unchanged: number; refused: number };
  events: { read: number; converted: number; unchanged: number; refused: number };
  refused: { table: string; row: string; reason: string }[];
}

type Fate = 'converted' | 'unchanged' | { reason: string };

export function addImport(program: Command): Command {
  return program
    .command('import')
    .description('sessions from lines of JSON, as export writes them')
    .argument('<source>', 'a file with lines of JSON; - for standard input')
    .requiredOption('--db <file>', 'the database; a missing one is created')
    .option('--json', '{ format, sessions, events, refused: [{ table, row, reason }] }')
    .addHelpText(
      'after',
      `
Each session is stored whole or not at all. One that the database has already is left as it is; if its content is another
one, it is named, and the exit code is 1.

Example:
  npx aiosqlite import shop.jsonl --db agent.db`,
    )
    .action(async (source: string, { db, json }: { db: string; json?: boolean }) => {
      const input = source === '-' ? process.stdin : createReadStream(fileToRead(source), 'utf8');
      const { connect } = await import('../index.js');
      const { SessionStore } = await import('../store/index.js');
      const connection = await onFile(db, () => connect(db, { journalMode: 'wal' }));
      try {
        const store = new SessionStore(connection);
        await onFile(db, () => store.createTables());
        const report = await importAll(input, connection, store);
        if (json) printJson(report);
        else show(report);
        process.exitCode = report.refused.length === 0 ? 0 : 1;
      } finally {
        await connection.close();
      }
    });
}

/** A file, or a pipe with a name. */
function fileToRead(source: string): string {
  const found = statSync(source, { throwIfNoEntry: false });
  if (found === undefined) throw new Failure(`there is no file ${source}`);
  if (found.isDirectory()) throw new Failure(`${source} is no file`);
  return source;
}

async function importAll(input: NodeJS.ReadableStream, db: Connection, store: SessionStore): Promise<Report> {
  const none = () => ({ read: 0, converted: 0, unchanged: 0, refused: 0 });
  const report: Report = { format: 'aiosqlite', sessions: none(), events: none(), refused: [] };
  const progress = new Progress('sessions');
  let number = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (text.trim() === '') continue;
    const line = parseLine(text, number);
    const fate = await importSession(line, db, store);
    const name = typeof fate === 'string' ? fate : 'refused';
    for (const [count, by] of [
      [report.sessions, 1],
      [report.events, line.events.length],
    ] as const) {
      count.read += by;
      count[name] += by;
    }
    if (typeof fate !== 'string') report.refused.push({ table: 'adk_sessions', row: line.id, reason: fate.reason });
    progress.update(report.sessions.read, report.sessions.read);
  }
  progress.stop();
  return report;
}

async function importSession(line: SessionLine, db: Connection, store: SessionStore): Promise<Fate> {
  const key = keyOf(line);
  const present = await store.loadSession(key);
  if (present !== undefined) {
    const own = ({ appState: _, userState: __, ...rest }: SessionLine) => JSON.parse(JSON.stringify(rest));
    const same = isDeepStrictEqual(own(toLine(present)), own(line));
    return same ? 'unchanged' : { reason: 'the database has another session with this id' };
  }
  try {
    await insert(line, db, store);
    return 'converted';
  } catch (error) {
    const { code = '' } = error as { code?: string };
    // Wrong values are refused; everything else is a failure of the database.
    if (/^(ERR_|ADK_)/.test(code)) return { reason: (error as Error).message };
    throw failureOf(error, db.database);
  }
}

/** One transaction. The session begins without the keys that its events set; their first values are not known. */
async function insert(line: SessionLine, db: Connection, store: SessionStore): Promise<void> {
  const { julianDay } = await import('../index.js');
  const { createTime, updateTime, state, appState: app, userState: user } = line;
  const key = keyOf(line);
  const later = new Set(
    line.events.flatMap(({ actions }) => Object.keys((actions as JsonObject | null)?.stateDelta ?? {})),
  );
  const first = Object.fromEntries(Object.entries(state).filter(([name]) => !later.has(name)));
  await db.transaction(async (tx) => {
    const inside = store.with(tx);
    await inside.createSession({ ...key, state: first, createTime, app, user });
    await inside.appendEvents(line.events.map((event: EventLine) => ({ ...event, ...key }) as EventRecord));
    if (!isDeepStrictEqual(first, state)) await inside.updateSessionState(key, state);
    await tx.run('UPDATE adk_sessions SET update_time = ? WHERE app_name = ? AND user_id = ? AND id = ?', [
      julianDay.encode(updateTime),
      key.appName,
      key.userId,
      key.sessionId,
    ]);
  });
}

function show({ sessions, events, refused }: Report): void {
  print(`${sessions.converted} sessions with ${events.converted} events imported, ${sessions.unchanged} already there`);
  for (const { row, reason } of refused) print(plain(`refused ${row}: ${reason}`));
}

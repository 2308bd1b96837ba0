import type { Connection } from '../../index.js';
import type { EventRecord, SessionKey, SessionStore } from '../../store/index.js';
import { onFile } from '../failure.js';
import { openFile } from '../open.js';
import { coloured, Progress, plain, print, printJson } from '../output.js';
import type { Command } from '../vendor.js';

/** A problem of a file; its place as far as it has one. */
interface Problem {
  table: string | null;
  key: string | null;
  column: string | null;
  problem: string;
}

const EVENTS_AT_ONCE = 500;

export function addCheck(program: Command): Command {
  return program
    .command('check')
    .description('whether a database is whole: pages, indexes, foreign keys, every session and event')
    .argument('<file>', 'the database')
    .option('--json', '{ ok, problems: [{ table, key, column, problem }] }')
    .addHelpText(
      'after',
      `
Reads the whole file and changes nothing. Exit code 1 if there is a problem.

Example:
  npx aiosqlite check agent.db`,
    )
    .action(async (file: string, { json }: { json?: boolean }) => {
      await using opened = await openFile(file);
      const problems = await onFile(file, () => problemsOf(opened.db, opened.store, new Progress('sessions', json)));
      const ok = problems.length === 0;
      if (json) printJson({ ok, problems });
      else for (const problem of problems) print(coloured('red', sentenceOf(problem)));
      if (!json) print(ok ? `${file} is whole` : `${file}: ${problems.length} problems`);
      process.exitCode = ok ? 0 : 1;
    });
}

function sentenceOf({ table, key, column, problem }: Problem): string {
  const place = [table && `table ${table}`, key && `key ${key}`, column && `column ${column}`].filter(Boolean);
  return plain(place.length === 0 ? problem : `${place.join(', ')}: ${problem}`);
}

async function problemsOf(db: Connection, store: SessionStore | undefined, progress: Progress): Promise<Problem[]> {
  const { problems } = await db.integrityCheck();
  const found: Problem[] = problems.map((problem) => ({ table: null, key: null, column: null, problem }));
  const references = await db.all<{ table: string; rowid: number | null; parent: string }>('PRAGMA foreign_key_check');
  found.push(...references.map(brokenReference));
  if (store !== undefined) found.push(...(await damagedRows(db, store, progress)));
  return found;
}

function brokenReference({ table, rowid, parent }: { table: string; rowid: number | null; parent: string }): Problem {
  return { table, key: rowid === null ? null : String(rowid), column: null, problem: `refers to no row of ${parent}` };
}

/** Reads every session and event, and gives those that can't be read. */
async function damagedRows(db: Connection, store: SessionStore, progress: Progress): Promise<Problem[]> {
  const problems = new Map<string, Problem>();
  const note = async (read: () => Promise<unknown>): Promise<boolean> => {
    const problem = await problemOf(read);
    // A damaged shared state is met with every session that shares it.
    if (problem !== undefined) problems.set(JSON.stringify(problem), problem);
    return problem === undefined;
  };
  const total = ((await db.get<[number]>('SELECT count(*) FROM adk_sessions', [], { rowMode: 'array' })) ?? [0])[0];
  let done = 0;
  for await (const row of db.iterate<SessionKey & { sessionNumber: number }>(
    'SELECT session_key AS sessionNumber, app_name AS appName, user_id AS userId, id AS sessionId FROM adk_sessions',
  )) {
    const { sessionNumber, ...key } = row;
    await note(() => store.loadSession(key, { limit: 0 }));
    await note(() => store.getSession(key));
    await checkEvents(db, store, row, note);
    progress.update(++done, total);
  }
  progress.stop();
  return [...problems.values()];
}

async function problemOf(read: () => Promise<unknown>): Promise<Problem | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    const { code, row } = error as { code?: string; row?: { table: string; key: string; column: string } };
    if (code !== 'ADK_CORRUPT_ROW' || row === undefined) throw error;
    return { ...row, problem: 'the value is damaged' };
  }
}

/** Events in pages; a page with a damaged one is read again one by one. */
async function checkEvents(
  db: Connection,
  store: SessionStore,
  { sessionNumber, ...key }: SessionKey & { sessionNumber: number },
  note: (read: () => Promise<unknown>) => Promise<boolean>,
): Promise<void> {
  let afterSeq = 0;
  for (;;) {
    const seqs = await db.all<[number]>(
      'SELECT seq FROM adk_events WHERE session_key = ? AND seq > ? ORDER BY seq LIMIT ?',
      [sessionNumber, afterSeq, EVENTS_AT_ONCE],
      { rowMode: 'array' },
    );
    const read = (filter: { afterSeq: number; limit: number }): Promise<EventRecord[]> => store.getEvents(key, filter);
    const page = { afterSeq, limit: EVENTS_AT_ONCE };
    if ((await problemOf(() => read(page))) !== undefined) {
      for (const [seq] of seqs) await note(() => read({ afterSeq: seq - 1, limit: 1 }));
    }
    if (seqs.length < EVENTS_AT_ONCE) return;
    afterSeq = (seqs.at(-1) as [number])[0];
  }
}

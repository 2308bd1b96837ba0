import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../../index.js';
import type { EventRecord, SessionKey, SessionStore } from '../../store/index.js';
import { onFile } from '../failure.js';
import { openStore } from '../open.js';
import { type Chosen, chosenWhere } from '../options.js';
import { jsonLine, writeLine } from '../output.js';
import type { Command } from '../vendor.js';

/** Looks for new events this often; an event is shown at most a second after it was appended. */
const EVERY_MS = 200;

export function addTail(program: Command): Command {
  return program
    .command('tail')
    .description('follows events as other processes append them')
    .argument('<file>', 'the database')
    .option('--app <name>', 'only events of this app')
    .option('--user <id>', 'only events of this user')
    .option('--session <id>', 'only events of sessions with this id')
    .option('--json', 'as without: each line is an event in JSON')
    .addHelpText(
      'after',
      `
Shows only events that are appended after it has started. Ends with Ctrl+C.

Example:
  npx aiosqlite tail agent.db --app shop`,
    )
    .action(async (file: string, chosen: Chosen) => {
      const stop = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
      await using opened = await openStore(file);
      await onFile(file, () => follow(opened.db, opened.store, chosen, stop.signal));
    });
}

async function follow(db: Connection, store: SessionStore, chosen: Chosen, stop: AbortSignal): Promise<void> {
  // In this order: an event that is appended between the two is shown.
  let version = await versionOf(db);
  let seen = await newestSeq(db);
  process.stderr.write('following; Ctrl+C ends it\n');
  while (!stop.aborted) {
    await sleep(EVERY_MS, undefined, { signal: stop }).catch(() => {});
    const now = await versionOf(db);
    if (now === version) continue;
    version = now;
    for (const event of await eventsAfter(db, store, chosen, seen)) {
      await writeLine(jsonLine(event));
      seen = Math.max(seen, event.seq ?? 0);
    }
  }
}

/** Changes with each commit of another connection. */
async function versionOf(db: Connection): Promise<number> {
  return ((await db.get<[number]>('PRAGMA data_version', [], { rowMode: 'array' })) ?? [0])[0];
}

async function newestSeq(db: Connection): Promise<number> {
  const row = await db.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'adk_events'");
  return row?.seq ?? 0;
}

async function eventsAfter(
  db: Connection,
  store: SessionStore,
  chosen: Chosen,
  afterSeq: number,
): Promise<EventRecord[]> {
  const { where, params } = chosenWhere(chosen, 'session_id');
  const keys = await db.all<SessionKey>(
    `SELECT DISTINCT app_name AS appName, user_id AS userId, session_id AS sessionId
       FROM adk_events WHERE seq > ?${where}`,
    [afterSeq, ...params],
  );
  const events = await Promise.all(keys.map((key) => store.getEvents(key, { afterSeq })));
  return events.flat().sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
}

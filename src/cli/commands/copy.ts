import { statSync } from 'node:fs';
import type { Copied, CopyOptions, SessionStore } from '../../store/index.js';
import { Failure, failureOf, Misuse, onFile } from '../failure.js';
import { openStore, openTarget } from '../open.js';
import { CopyProgressLine, plain, print } from '../output.js';
import type { Command } from '../vendor.js';

interface CopyArguments extends Pick<CopyOptions, 'dryRun' | 'verify'> {
  from: string;
  to: string;
  fromSchema?: string;
  toSchema?: string;
  follow?: boolean;
  json?: boolean;
}

/** A store that the command has opened, with the name by which errors call it. */
interface Opened extends AsyncDisposable {
  name: string;
  store: SessionStore;
}

export function addCopy(program: Command): Command {
  return program
    .command('copy')
    .description('all sessions to another database, SQLite or PostgreSQL, while they are in use')
    .requiredOption('--from <source>', 'a file, or a postgres:// URL; it is only read')
    .requiredOption('--to <target>', 'a file, or a postgres:// URL; what is missing is created')
    .option('--from-schema <name>', "the source's schema in PostgreSQL")
    .option('--to-schema <name>', "the target's schema in PostgreSQL")
    .option('--follow', 'repeats until SIGTERM or SIGINT, then makes a last pass')
    .option('--verify', 'compares both afterwards, each session by a hash of all columns')
    .option('--dry-run', 'writes nothing, and shows what it would do')
    .option('--json', 'lines of progress, then { sessions, events, memory?, artifacts?, refused?, verified? }')
    .addHelpText(
      'after',
      `
Each session is one transaction. Those that an earlier copy has brought and that have not changed since are skipped, so that
an interrupted copy goes on where it stopped. To move: copy with --follow, stop the programs that write, end it with SIGTERM.

Example:
  npx aiosqlite copy --from agent.db --to postgres://db.example.com/agents --verify`,
    )
    .action(async (chosen: CopyArguments) => {
      const stop = chosen.follow ? stopSignal() : undefined;
      await using from = await openSource(chosen.from, chosen.fromSchema);
      await using to = await openTo(chosen.to, chosen.toSchema, chosen.dryRun === true);
      const { copySessions, unstorableRows } = await import('../../store/internal.js');
      const unstorable = await onFile(from.name, () => unstorableRows(from.store, to.store));
      if (unstorable.length > 0) {
        const none: Copied = { sessions: { copied: 0, unchanged: 0, deleted: 0 }, events: { copied: 0 }, refused: [] };
        show({ ...none, refused: unstorable }, chosen);
        throw new Misuse(`${to.name} can't hold all ids of ${from.name}: nothing was copied`);
      }
      const progress = new CopyProgressLine(chosen.json === true);
      try {
        const copied = await copySessions(from.store, to.store, {
          dryRun: chosen.dryRun === true,
          verify: chosen.verify === true,
          ...(stop && { follow: stop }),
          onProgress: (done) => progress.show(done),
        });
        progress.stop();
        show(copied, chosen);
        process.exitCode = copied.refused.length === 0 ? 0 : 1;
      } catch (error) {
        throw failureOf(error, `${from.name} to ${to.name}`);
      } finally {
        progress.stop();
      }
    });
}

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

const isUrl = (text: string) => /^postgres(?:ql)?:/i.test(text);

async function openSource(source: string, schema: string | undefined): Promise<Opened> {
  if (isUrl(source)) return await openPostgres('--from', source, schema);
  refuseSchema('--from-schema', schema);
  const opened = await openStore(source);
  return { name: source, store: opened.store, [Symbol.asyncDispose]: () => opened.db.close() };
}

/** A dry run makes no file: an empty database in memory stands for one that is missing. */
async function openTo(target: string, schema: string | undefined, dryRun: boolean): Promise<Opened> {
  if (isUrl(target)) return await openPostgres('--to', target, schema);
  refuseSchema('--to-schema', schema);
  const found = statSync(target, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) throw new Failure(`${target} is no file`);
  const { connect } = await import('../../index.js');
  const { SessionStore } = await import('../../store/index.js');
  const db = await onFile(target, () => {
    if (!dryRun) return openTarget(target);
    return found === undefined ? connect(':memory:') : connect(target, { readonly: true });
  });
  return { name: target, store: new SessionStore(db), [Symbol.asyncDispose]: () => db.close() };
}

/** The URL, which may hold a password, is in no message. */
async function openPostgres(option: string, url: string, schema: string | undefined): Promise<Opened> {
  const { PostgresSessionStore } = await import('../../store/internal.js');
  try {
    const store = new PostgresSessionStore(url, schema === undefined ? {} : { schema });
    return { name: `PostgreSQL of ${option}`, store, [Symbol.asyncDispose]: () => store.close() };
  } catch (error) {
    throw new Misuse(`${option}: ${(error as Error).message}`);
  }
}

function refuseSchema(option: string, schema: string | undefined): void {
  if (schema !== undefined) throw new Misuse(`${option} is for a postgres:// URL`);
}

/** In JSON the report is one line, as the lines of progress are. */
function show({ refused, ...copied }: Copied, { json, dryRun }: CopyArguments): void {
  if (json) {
    print(JSON.stringify({ ...copied, ...(refused.length > 0 && { refused }) }));
    return;
  }
  const { sessions, events, memory, artifacts, verified } = copied;
  print(
    `${dryRun ? 'would be copied' : 'copied'}: ${sessions.copied} sessions with ${events.copied} events; ` +
      `${sessions.unchanged} unchanged, ${sessions.deleted} deleted`,
  );
  if (memory) print(`memory: ${memory.copied} entries, ${memory.unchanged} unchanged, ${memory.deleted} deleted`);
  if (artifacts) {
    const { copied: versions, unchanged, deleted } = artifacts;
    print(`artifacts: ${versions} versions, ${unchanged} unchanged, ${deleted} deleted`);
  }
  if (verified !== undefined) print(`verified: ${verified.sessions} sessions with ${verified.events} events are equal`);
  for (const { table, row, reason } of refused) print(plain(`refused ${table} ${row}: ${reason}`));
}

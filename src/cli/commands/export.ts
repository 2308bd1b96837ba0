import type { SessionKey } from '../../store/index.js';
import { onFile } from '../failure.js';
import { openStore } from '../open.js';
import { type Chosen, chosenWhere } from '../options.js';
import { writeLine } from '../output.js';
import type { Command } from '../vendor.js';

export function addExport(program: Command): Command {
  return program
    .command('export')
    .description('sessions as lines of JSON')
    .argument('<file>', 'the database')
    .option('--app <name>', 'only sessions of this app')
    .option('--user <id>', 'only sessions of this user')
    .option('--session <id>', 'only sessions with this id')
    .option('--json', 'as without: each line is a session in JSON')
    .addHelpText(
      'after',
      `
Each line is one session with its events, state, times, history, and the states that it shares. aiosqlite import reads them
again without a loss.

Example:
  npx aiosqlite export agent.db --app shop > shop.jsonl`,
    )
    .action(async (file: string, chosen: Chosen) => {
      const { exportLine } = await import('../../store/internal.js');
      await using opened = await openStore(file);
      const { db, store } = opened;
      await onFile(file, async () => {
        const { where, params } = chosenWhere(chosen, 'id');
        const keys = await db.all<SessionKey>(
          `SELECT app_name AS appName, user_id AS userId, id AS sessionId FROM adk_sessions
            WHERE true${where} ORDER BY session_key`,
          params,
        );
        for (const key of keys) {
          const line = await db.transaction((tx) => exportLine(store.with(tx), key), { mode: 'deferred' });
          // Deleted by another process in the meantime.
          if (line !== undefined) await writeLine(line);
        }
      });
    });
}

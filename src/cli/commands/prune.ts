import type { Pruned, RetentionPolicy } from '../../store/index.js';
import { Failure, Misuse, onFile } from '../failure.js';
import { openFile, withoutSessions } from '../open.js';
import { days, wholeNumber } from '../options.js';
import { Progress, print, printJson } from '../output.js';
import type { Command } from '../vendor.js';

interface PruneArguments extends Omit<RetentionPolicy, 'appName'> {
  app?: string;
  dryRun?: boolean;
  json?: boolean;
}

export function addPrune(program: Command): Command {
  return program
    .command('prune')
    .description('removes what is older than rules of retention allow')
    .argument('<file>', 'the database')
    .option('--idle-days <days>', 'sessions without a write for so long', days)
    .option('--event-days <days>', 'events older than this', days)
    .option('--max-events-per-session <number>', 'all but the newest events of each session', wholeNumber)
    .option('--memory-days <days>', 'memory entries older than this', days)
    .option('--user-state-idle-days <days>', 'states of users without a write for so long', days)
    .option('--artifact-orphan-days <days>', 'artifact versions older than this that no event mentions', days)
    .option('--app <name>', 'only of this app')
    .option('--dry-run', 'removes nothing, and shows what it would remove')
    .option('--json', '{ sessions, events, memory, userStates, artifacts }: how many of each were removed')
    .addHelpText(
      'after',
      `
Works in small batches: other processes wait some milliseconds at most. At least one rule is needed.

Example:
  npx aiosqlite prune agent.db --idle-days 90 --memory-days 365 --dry-run`,
    )
    .action(async (file: string, { app, dryRun = false, json, ...rules }: PruneArguments) => {
      if (Object.keys(rules).length === 0) throw new Misuse('prune needs a rule, such as --idle-days 90');
      await using opened = await openFile(file, { writable: !dryRun });
      if (opened.store === undefined) throw withoutSessions(opened);
      const { prune } = await import('../../store/index.js');
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort(new Failure('stopped; what was removed stays removed')));
      const progress = new Progress('removed', json);
      const sums: Record<string, number> = {};
      const policy = { ...rules, ...(app !== undefined && { appName: app }) };
      const removed = await onFile(file, () =>
        prune(opened.db, policy, {
          dryRun,
          signal: stop.signal,
          onProgress: (done) => {
            sums[done.kind] = done.removed;
            const sum = Object.values(sums).reduce((a, b) => a + b, 0);
            progress.update(sum, sum);
          },
        }),
      ).finally(() => progress.stop());
      if (json) printJson(removed);
      else print(`${dryRun ? 'would be removed' : 'removed'}: ${sentenceOf(removed)}`);
    });
}

function sentenceOf({ sessions, events, memory, userStates, artifacts }: Pruned): string {
  return `${sessions} sessions, ${events} events, ${memory} memory entries, ${userStates} user states, ${artifacts} artifact versions`;
}

import { statSync } from 'node:fs';
import { onFile } from '../failure.js';
import { openFile } from '../open.js';
import { Progress, print, printJson, sizeOf } from '../output.js';
import type { Command } from '../vendor.js';

export function addBackup(program: Command): Command {
  return program
    .command('backup')
    .description('copies a database while it is in use')
    .argument('<file>', 'the database')
    .argument('<destination>', 'the copy; an existing file is replaced once the copy is complete')
    .option('--json', '{ file, destination, bytes }')
    .addHelpText(
      'after',
      `
The copy is one consistent snapshot. Writers of other processes go on in the meantime.

Example:
  npx aiosqlite backup agent.db backup/agent.db`,
    )
    .action(async (file: string, destination: string, { json }: { json?: boolean }) => {
      await using opened = await openFile(file);
      const progress = new Progress('pages', json);
      try {
        await onFile(destination, () =>
          opened.db.backup(destination, {
            onProgress: ({ totalPages, remainingPages }) => progress.update(totalPages - remainingPages, totalPages),
          }),
        );
      } finally {
        progress.stop();
      }
      const bytes = statSync(destination).size;
      if (json) printJson({ file, destination, bytes });
      else print(`${destination}: ${sizeOf(bytes)}`);
    });
}

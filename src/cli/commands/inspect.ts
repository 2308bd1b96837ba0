import { Misuse, onFile } from '../failure.js';
import type { Overview } from '../inspector-types.js';
import { openFile } from '../open.js';
import { portNumber } from '../options.js';
import { plain, print, printJson, printTable, sizeOf } from '../output.js';
import { overviewOf } from '../overview.js';
import type { Command } from '../vendor.js';

export function addInspect(program: Command): Command {
  return program
    .command('inspect')
    .description('what a database holds; as a page with --open')
    .argument('<file>', 'the database')
    .option('--json', '{ size, sessions, events, tables: [{ name, rows, bytes }] }')
    .option('--open', 'serves a page on this machine that shows sessions, memory and artifacts, and opens a browser')
    .option('--serve', 'as --open, without opening a browser')
    .option('--port <port>', 'of the page; a free one by default', portNumber)
    .addHelpText(
      'after',
      `
The file is opened to read: nothing in it is changed.

Examples:
  npx aiosqlite inspect agent.db
  npx aiosqlite inspect agent.db --open`,
    )
    .action(async (file: string, options: { json?: boolean; open?: boolean; serve?: boolean; port?: number }) => {
      await using opened = await openFile(file);
      if (options.open || options.serve) {
        const { servePage } = await import('../inspector.js');
        await servePage(opened, { ...options, open: options.open === true });
        return;
      }
      if (options.port !== undefined) throw new Misuse('--port needs --open or --serve');
      const found = await onFile(file, () => overviewOf(file, opened.db));
      if (options.json) printJson(found);
      else show(file, found);
    });
}

function show(file: string, { size, sessions, events, tables }: Overview): void {
  print(`${file}: ${sizeOf(size)}, ${sessions} sessions, ${events} events`);
  const rows = tables.map(({ name, rows, bytes }) => [plain(name), rows ?? 'unknown', sizeOf(bytes)]);
  printTable(['table', 'rows', 'size'], rows);
}

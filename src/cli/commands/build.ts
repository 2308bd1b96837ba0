import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { printJson } from '../output.js';
import type { Command } from '../vendor.js';

export function addBuild(program: Command): Command {
  return program
    .command('build')
    .description('compiles the addon, where there is no prebuilt one')
    .option('--json', 'the result as JSON; the output of the compiler goes to standard error')
    .addHelpText(
      'after',
      `
Needs CMake 3.15 and a C++17 compiler, says so if they are missing, and fetches nothing.

Example:
  npx aiosqlite build`,
    )
    .action(({ json }: { json?: boolean }) => {
      const program = join(__dirname, '../../../scripts/build-from-source.mjs');
      const stdio = json ? (['inherit', 2, 2] as const) : ('inherit' as const);
      const built = spawnSync(process.execPath, [program], { stdio: stdio as 'inherit' }).status === 0;
      if (json) printJson({ built });
      process.exitCode = built ? 0 : 1;
    });
}

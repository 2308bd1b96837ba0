import { resolve } from 'node:path';
import { checkFolder } from './folder.js';
import { type Check, type Report, run } from './report.js';
import { checkNode, versions } from './versions.js';

/** Looks at everything that aiosqlite needs; it never throws. */
export async function doctor(folder: string): Promise<Report> {
  const checks: Check[] = [await run('node', checkNode)];
  const report: Report = {
    fit: false,
    versions: versions(),
    addon: null,
    compileOptions: [],
    folder: resolve(folder),
    checks,
  };
  const addon = await run('addon', () => loadAddon(report));
  checks.push(addon);
  // Without it there is nothing more to try.
  if (addon.status === 'ok') {
    const { selfTest } = await import('./self-test.js');
    checks.push(await run('self-test', selfTest));
    checks.push(...(await checkFolder(report.folder)));
  }
  report.fit = checks.every(({ status }) => status !== 'fail');
  return report;
}

function loadedAddons(): string[] {
  const { sharedObjects = [] } = (process.report?.getReport() ?? {}) as { sharedObjects?: string[] };
  return sharedObjects.filter((file) => file.endsWith('.node'));
}

async function loadAddon(report: Report): Promise<string> {
  const before = new Set(loadedAddons());
  const { connect, sqliteVersion } = await import('../index.js');
  report.addon = loadedAddons().find((file) => !before.has(file)) ?? null;
  report.versions.sqlite = sqliteVersion;
  await using db = await connect(':memory:');
  const rows = await db.all<{ compile_options: string }>('PRAGMA compile_options');
  report.compileOptions = rows.map((row) => row.compile_options);
  return `SQLite ${sqliteVersion} from ${report.addon}`;
}

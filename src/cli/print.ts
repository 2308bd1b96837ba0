import type { Report } from './report.js';

/** The report for people. */
export function printReport({ fit, versions, addon, compileOptions, folder, checks }: Report): void {
  const names = [...Object.keys(versions), ...checks.map(({ name }) => name)];
  const width = Math.max(...names.map((name) => name.length));
  const line = (name: string, value: string) => console.log(`${name.padEnd(width)}  ${value}`);
  for (const [name, version] of Object.entries(versions)) line(name, version);
  line('addon', addon ?? 'not loaded');
  line('folder', folder);
  if (compileOptions.length > 0) line('SQLite', compileOptions.join(' '));
  console.log();
  for (const { name, status, detail } of checks) line(name, `${status.padEnd(4)}  ${detail}`);
  console.log(`\n${fit ? 'Fit for use.' : 'Not fit for use: see what has failed.'}`);
}

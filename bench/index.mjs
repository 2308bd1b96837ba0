#!/usr/bin/env node
/** Measures this package beside what a user might pick instead. README.md tells how, and how to read it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DRIVERS } from './drivers/index.mjs';
import { CHARTED } from './report/charted.mjs';
import { scenarioTable, targetTable } from './report/table.mjs';
import { killAll } from './run/child-process.mjs';
import { parseFlags, USAGE, UsageError } from './run/flags.mjs';
import { installPeers } from './run/install.mjs';
import { describeMachine, versionOf } from './run/machine.mjs';
import { runScenario } from './run/run-scenario.mjs';
import { SCENARIOS } from './scenarios/index.mjs';
import { CHECKED, judge, LOOSE, TARGETS } from './targets.mjs';

const QUICK = { rounds: 5, roundMs: 120, timeoutMs: 60_000 };
/** What is committed: in less than half an hour. */
const REPORT = { rounds: 5, roundMs: 250, timeoutMs: 300_000 };
const FULL = { rounds: 7, roundMs: 250, timeoutMs: 300_000 };

function readFlags() {
  try {
    return parseFlags(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}

/** Which scenarios with which drivers. */
function plan(flags) {
  const needed = new Set((flags.check ? CHECKED : TARGETS).map(({ scenario }) => scenario));
  const isCharted = ({ name }) => flags.report && CHARTED.includes(name);
  const isPart = flags.check || flags.quick || flags.report;
  return SCENARIOS.filter((scenario) => {
    if (flags.scenarios) return flags.scenarios.includes(scenario.name);
    return !isPart || needed.has(scenario.name) || isCharted(scenario);
  })
    .map((scenario) => {
      const all = isPart && scenario.quick && !isCharted(scenario) ? scenario.quick : scenario.drivers;
      const drivers = flags.drivers ? scenario.drivers.filter((name) => flags.drivers.includes(name)) : all;
      return { scenario, drivers };
    })
    .filter(({ drivers }) => drivers.length > 0);
}

function build() {
  if (process.env.AIOSQLITE_BENCH_ROOT) return;
  const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [script, 'addon', 'lib'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(1);
}

/** One line that is written over, or on something that is no terminal, one per scenario. */
function progressOf(index, total, name) {
  const head = `[${index}/${total}] ${name}`;
  if (!process.stderr.isTTY) {
    console.error(head);
    return () => {};
  }
  return (text) =>
    process.stderr.write(`\r\x1b[2K${`${head} · ${text}`.slice(0, (process.stderr.columns ?? 100) - 1)}`);
}

const clearLine = () => process.stderr.isTTY && process.stderr.write('\r\x1b[2K');

/** Nothing stays behind, however it ends. */
function cleanUpWith(folder) {
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.on('exit', remove);
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.on(signal, async () => {
      clearLine();
      await killAll();
      process.exit(code);
    });
  }
}

async function main() {
  const flags = readFlags();
  if (flags.help) return console.log(USAGE);
  if (flags.list) return console.log(listOf());
  if (flags.chart) return await writeReport(flags.chart, JSON.parse(readFileSync(flags.chart, 'utf8')));

  const chosen = plan(flags);
  if (chosen.length === 0) {
    console.error('none of these drivers can do any of these scenarios');
    process.exit(2);
  }
  build();
  installPeers();
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-bench-'));
  cleanUpWith(folder);

  const mode = flags.quick || flags.check ? QUICK : flags.report ? REPORT : FULL;
  const rounds = flags.rounds ?? mode.rounds;
  const options = { quick: mode === QUICK, events: flags.events, roundMs: mode.roundMs };
  const machine = describeMachine(folder);
  const report = {
    date: new Date().toISOString(),
    machine,
    options: { ...options, rounds },
    versions: versions(chosen),
    results: [],
  };
  console.log(headOf(report));
  for (const [i, { scenario, drivers }] of chosen.entries()) {
    const progress = progressOf(i + 1, chosen.length, scenario.name);
    const quick = options.quick || (mode === REPORT && scenario.long === true);
    const run = { folder, rounds, options: { ...options, quick }, timeoutMs: mode.timeoutMs, progress };
    report.results.push(await runScenario(scenario, drivers, run));
    clearLine();
    console.log(scenarioTable(report.results.at(-1)));
  }

  const ran = new Set(chosen.map(({ scenario }) => scenario.name));
  const targets = (flags.check ? CHECKED : TARGETS).filter(({ scenario }) => ran.has(scenario));
  report.targets = targets.map((target) => judge(target, report.results, flags.check ? LOOSE : 1));
  if (targets.length > 0) console.log(`\n${flags.check ? 'Loose bounds' : 'Targets'}\n${targetTable(report.targets)}`);
  if (flags.json) {
    mkdirSync(dirname(resolve(flags.json)), { recursive: true });
    writeFileSync(flags.json, `${JSON.stringify(report, null, 1)}\n`);
    await writeReport(flags.json, report);
  }
  if (flags.check && report.targets.some(({ verdict }) => verdict === 'missed' || verdict === 'not measured'))
    process.exitCode = 1;
}

/** The part of a report that is kept: two charts, the table of the targets, and those of the charted workloads. */
async function writeReport(jsonFile, report) {
  installPeers();
  const { drawChart } = await import('./report/chart.mjs');
  const { drawSummary } = await import('./report/summary.mjs');
  const name = jsonFile.replace(/\.json$/, '');
  const block = (text) => `\`\`\`text\n${text.trim()}\n\`\`\`\n`;
  const charted = report.results.filter((result) => CHARTED.includes(result.name)).map(scenarioTable);
  const files = {
    [`${name}.svg`]: await drawChart(report),
    [`${name}-summary.svg`]: await drawSummary(report),
    [`${name}.md`]: `# Targets, measured\n\n${block(`${headOf(report)}\n\n${targetTable(report.targets)}`)}
## Workloads of the chart\n\n${block(charted.join('\n'))}`,
  };
  for (const [file, text] of Object.entries(files)) if (text !== undefined) writeFileSync(file, text);
  console.error(`written: ${Object.keys(files).join(', ')}`);
}

function versions(chosen) {
  const drivers = new Set(chosen.flatMap((each) => each.drivers));
  return Object.fromEntries([...drivers].map((driver) => [driver, versionOf(driver) ?? null]));
}

function headOf({ date, machine, options }) {
  const { cpu, cores, memoryGiB, system, node, otherNodes, inMemoryFolder } = machine;
  const lines = [
    `${date}  ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}`,
    `Node ${node}${otherNodes.map((version) => `, ${version}`).join('')}; ${options.rounds} rounds of ${options.roundMs} ms`,
    'main: the JavaScript thread was not idle; thread: it was on a core; process: all threads were. Per operation, medians.',
  ];
  if (inMemoryFolder)
    lines.push('The temporary folder is in memory: durable figures mean nothing. Set TMPDIR to a folder on a disk.');
  return lines.join('\n');
}

function listOf() {
  const scenarios = SCENARIOS.map(
    ({ name, title }) => `  ${name.padEnd(20)} ${typeof title === 'function' ? title({}) : title}`,
  );
  const drivers = Object.entries(DRIVERS).map(([name, { title }]) => `  ${name.padEnd(24)} ${title}`);
  return `Scenarios\n${scenarios.join('\n')}\n\nDrivers\n${drivers.join('\n')}`;
}

await main();

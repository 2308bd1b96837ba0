/**
 * The process of one driver in one scenario: opens, warms up, then runs a round whenever it is told to.
 * It talks with run/child-process.mjs over Node's own channel.
 */
import { createHash } from 'node:crypto';
import { loadScenario } from '../scenarios/index.mjs';
import { measure } from './meter.mjs';

/** Doubling stops here: what is that fast is measured well enough. */
const MOST_OPERATIONS = 1_000_000;
/** The project's folder, as stacks name it. */
const PROJECT = new URL('../../', import.meta.url).href;

let scenario;
let state;
let operations;

const commands = {
  async template({ name, file, options }) {
    scenario = await loadScenario(name);
    await scenario.template(file, options);
  },

  async open({ name, driver, module: moduleName, file, options }) {
    scenario = await loadScenario(name);
    const module = await import(`../drivers/${moduleName}.mjs`);
    state = await scenario.open({ driver, module, file, options });
    const digest = await scenario.digest?.(state);
    operations = await warmUp(scenario.roundMs ?? options.roundMs);
    return { digest: digest && createHash('sha256').update(digest).digest('hex'), operations, node: process.version };
  },

  async round() {
    const { result, ...measured } = await round(operations);
    if (typeof result === 'number') return { ...measured, operations: result };
    const { operations: done = operations, ...figures } = result ?? {};
    return { ...measured, operations: done, figures };
  },

  async close() {
    await scenario.close?.(state);
  },
};

async function round(count) {
  const prepared = await scenario.prepare?.(state, count);
  globalThis.gc?.();
  return await measure(() => scenario.round(state, count, prepared));
}

/** Runs until the code is warm and says how many operations make a round of the wanted length. */
async function warmUp(roundMs) {
  if (scenario.fixed) {
    if (scenario.warm !== false) await round(scenario.fixed);
    return scenario.fixed;
  }
  const step = scenario.step ?? 1;
  for (let count = step; ; count *= 2) {
    const { wallMs } = await round(count);
    if (wallMs < roundMs / 2 && count < MOST_OPERATIONS) continue;
    const wanted = Math.max(step, Math.round((count * roundMs) / wallMs / step) * step);
    // What one round takes longer than that needs no more warming up.
    if (wallMs < roundMs * 4) await round(wanted);
    return wanted;
  }
}

process.on('message', async ({ command, ...args }) => {
  try {
    process.send({ answer: (await commands[command](args)) ?? {} });
  } catch (error) {
    const text = error?.stack?.split('\n').slice(0, 4).join(' | ') ?? String(error);
    // Results are committed: they name no folder of a machine.
    process.send({ error: text.replaceAll(PROJECT, '') });
  }
  if (command === 'close' || command === 'template') process.disconnect();
});
// Whoever asked is gone.
process.on('disconnect', () => process.exit());
if (!process.connected) process.exit();

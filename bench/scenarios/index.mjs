import append from './append.mjs';
import artifacts from './artifacts.mjs';
import batch from './batch.mjs';
import copy from './copy.mjs';
import fileSize from './file-size.mjs';
import getRow from './get-row.mjs';
import growth from './growth.mjs';
import history from './history.mjs';
import historyEdits from './history-edits.mjs';
import insertMany from './insert-many.mjs';
import langgraph from './langgraph.mjs';
import listSessions from './list-sessions.mjs';
import memory from './memory.mjs';
import mixed from './mixed.mjs';
import postgres from './postgres.mjs';
import readRows from './read-rows.mjs';
import runStatement from './run-statement.mjs';
import runnerTurn from './runner-turn.mjs';
import search from './search.mjs';
import startup from './startup.mjs';
import walFrames from './wal-frames.mjs';
import web from './web.mjs';

/**
 * One workload. `open`, `prepare` and `round` run in a process per driver; only `round` is measured.
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string | ((options: object) => string)} title
 * @property {string} unit what is counted: figures are per one of these
 * @property {string[]} drivers all that can do it
 * @property {string[]} [quick] those that --quick measures, none if absent
 * @property {string} [baseline] the driver that the others are compared with
 * @property {boolean} [durable] an fsync probe is taken beside each round
 * @property {boolean} [shared] all drivers work on the template itself, one after the other
 * @property {number} [step] operations come in multiples of this
 * @property {number} [fixed] so many operations, whatever they take; without it a round has a wanted length
 * @property {boolean} [long] at its full size only where all scenarios are run
 * @property {number} [roundMs] wanted length of a round, other than asked for
 * @property {boolean} [timed] `fixed`, and its time is a figure all the same
 * @property {boolean} [warm] false: no warm-up
 * @property {number} [rounds] other than asked for
 * @property {(file: string, options: object) => Promise<void>} [template] makes the file that each driver gets a copy of
 * @property {(given: { driver: string, module: object, file: string, options: object }) => Promise<object>} open
 * @property {(state: object) => unknown} [digest] what the work results in: must be equal for all drivers
 * @property {(state: object, count: number) => unknown} [prepare]
 * @property {(state: object, count: number, prepared: unknown) => unknown} round may resolve to figures of its own
 * @property {(state: object) => unknown} [close]
 */

/** In the order in which they run: what is short and counts first. @type {Scenario[]} */
export const SCENARIOS = [
  ...append,
  ...history,
  ...readRows,
  ...getRow,
  ...insertMany,
  ...mixed,
  ...startup,
  ...memory,
  ...fileSize,
  ...walFrames,
  ...runStatement,
  ...batch,
  ...listSessions,
  ...langgraph,
  ...runnerTurn,
  ...search,
  ...artifacts,
  ...historyEdits,
  ...growth,
  ...postgres,
  ...web,
  ...copy,
];

/** @param {string} name @returns {Scenario} */
export function loadScenario(name) {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (!scenario) throw new Error(`no scenario ${name}`);
  return scenario;
}

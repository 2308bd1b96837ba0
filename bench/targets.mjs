/**
 * The targets P1–P32, each read from the rows of a scenario. Figures are medians over the rounds of what one round gives,
 * so that a ratio compares two drivers at the same moment.
 */
import { summary } from './run/statistics.mjs';

const OURS = 'aiosqlite';
const PEER = 'better-sqlite3';
const POSTGRES = 'postgres';

/** What one round gives for a driver. */
const PER_ROUND = {
  wall: ({ wallMs, operations }) => (wallMs * 1_000) / operations,
  main: ({ mainMs, operations }) => (mainMs * 1_000) / operations,
  thread: ({ threadMs, operations }) => (threadMs * 1_000) / operations,
  appendMain: (round) => mixedPart(round, 'append', 'Main'),
  appendThread: (round) => mixedPart(round, 'append', 'Thread'),
  readMain: (round) => mixedPart(round, 'read', 'Main'),
  readThread: (round) => mixedPart(round, 'read', 'Thread'),
  delay: ({ delayP99Ms }) => delayP99Ms,
};

/**
 * Microseconds of the JavaScript thread for an operation of the mixed scenario: what it takes alone, times the ratio of what
 * the round took to the sum of its operations alone. `undefined` for results from before these were measured.
 */
function mixedPart({ operations: appends, mainMs, threadMs, figures }, operation, clock) {
  const alone = (of) => figures?.[`${of}Alone${clock}`];
  if (alone(operation) === undefined) return undefined;
  const sum = appends * alone('append') + figures.reads * alone('read');
  return (alone(operation) * (clock === 'Main' ? mainMs : threadMs) * 1_000) / sum;
}

const readerOf = (measure) => PER_ROUND[measure] ?? (({ figures }) => figures?.[measure]);

/** The values of a driver's rounds; undefined if the scenario was not run or the driver failed. */
export function valuesOf(results, scenario, driver, measure) {
  const row = results.find(({ name }) => name === scenario)?.rows.find((each) => each.driver === driver);
  if (row === undefined || row.error || row.differs || row.rounds.length === 0) return undefined;
  const values = row.rounds.map(readerOf(measure));
  return values.some((value) => typeof value !== 'number' || Number.isNaN(value)) ? undefined : values;
}

/** Measures of the JavaScript thread, and the same by its own clock: the steadier figure on a busy machine. */
const ON_CORE = { main: 'thread', appendMain: 'appendThread', readMain: 'readThread' };

const single = (scenario, measure, driver = OURS) => {
  const values = (results) => valuesOf(results, scenario, driver, measure);
  values.scenario = scenario;
  if (measure in ON_CORE) values.onCore = single(scenario, ON_CORE[measure], driver);
  return values;
};

/** `over` / `under` of the same round. */
const ratio = (scenario, measure, over, under) => {
  const values = (results) => {
    const [a, b] = [valuesOf(results, scenario, over, measure), valuesOf(results, scenario, under, measure)];
    return a && b && a.slice(0, b.length).map((value, i) => value / b[i]);
  };
  values.scenario = scenario;
  return values;
};

/** What `driver` takes beyond ours, in the same round. */
const beyond = (scenario, measure, driver) => {
  const values = (results) => {
    const [a, b] = [valuesOf(results, scenario, driver, measure), valuesOf(results, scenario, OURS, measure)];
    return a && b && a.slice(0, b.length).map((value, i) => value - b[i]);
  };
  values.scenario = scenario;
  if (measure in ON_CORE) values.onCore = beyond(scenario, ON_CORE[measure], driver);
  return values;
};

/** How many times as fast we are. */
const faster = (scenario, than = PEER, measure = 'wall') => ratio(scenario, measure, than, OURS);
/** What part of the peer's we take. */
const part = (scenario, measure, of = PEER) => {
  const values = ratio(scenario, measure, OURS, of);
  if (measure in ON_CORE) values.onCore = ratio(scenario, ON_CORE[measure], OURS, of);
  return values;
};

const times = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ×`;
const plain = (value) => value.toFixed(value < 10 ? 2 : 0);
const micros = (value) => `${value.toFixed(1)} µs`;
const bytes = (value) => `${Math.round(value)} B`;
const percent = (value) => `${Math.round(value * 100)} %`;
const millis = (value) => `${value.toFixed(1)} ms`;

/**
 * @typedef {object} Target
 * @property {string} id
 * @property {string} what
 * @property {'least' | 'most'} bound whether the figure must be at least or at most the target
 * @property {number} target
 * @property {number} [stretch]
 * @property {string} scenario where it is read
 * @property {(value: number) => string} show
 * @property {(results: object[]) => number[] | undefined} values one per round
 */
const least = (id, what, target, stretch, values, show = times) => ({
  id,
  what,
  bound: /** @type {const} */ ('least'),
  target,
  stretch,
  scenario: values.scenario,
  show,
  values,
});
const most = (id, what, target, stretch, values, show = plain) => ({
  ...least(id, what, target, stretch, values, show),
  bound: /** @type {const} */ ('most'),
});
/** No target: where another library stands. */
const compared = (id, what, values) => most(id, what, Number.POSITIVE_INFINITY, undefined, values);

/** @type {Target[]} */
export const TARGETS = [
  least('P1', 'durable appends, FULL, 64 callers', 6, 12, faster('append-full-64')),
  least('P2', 'durable appends, FULL, 256 callers', 9, 20, faster('append-full-256')),
  least('P3', 'appends, NORMAL, 64 callers', 1.8, 4, faster('append-normal-64')),
  least('P3', 'appends, NORMAL, 256 callers', 2.5, 4, faster('append-normal-256')),
  least('P4', 'durable appends, FULL, 1 caller', 0.85, 1, faster('append-full-1')),
  most('P5', 'main thread per append, 64 callers', 8, 6, single('append-full-64', 'main'), micros),
  most('P5', "… as a part of the peer's", 1 / 8, undefined, part('append-full-64', 'main')),
  least('P6', "appends, 1 caller, vs ADK's service", 30, undefined, faster('append-full-1', 'adk-database')),
  least('P6', "appends, 64 callers, vs ADK's service", 250, 1_000, faster('append-full-64', 'adk-database')),
  most('P7', 'getSession of 100 events, main', 0.42, 0.22, part('history-100', 'main')),
  most('P7', 'getSession of 1,000 events, main', 0.33, 0.22, part('history-1000', 'main')),
  most('P7', 'getSession of 10,000 events, main', 0.3, 0.22, part('history-10000', 'main')),
  most('P8', 'getSession of 1,000 events, wall', 0.5, 0.35, part('history-1000', 'wall')),
  least('P8', "… times as fast as ADK's service", 25, undefined, faster('history-1000', 'adk-database')),
  most('P9', 'all() of 1,000 × 10, main', 0.25, 0.18, part('all-1000', 'main')),
  most('P9', 'all() of 1,000 × 10, wall', 0.45, undefined, part('all-1000', 'wall')),
  most('P9', 'all() of 1,000 × 10 with a blob, main', 0.25, 0.18, part('all-1000-blob', 'main')),
  most('P9', 'all() of 1,000 × 10 with a blob, wall', 0.45, undefined, part('all-1000-blob', 'wall')),
  most('P10', 'executeMany 10,000 × 6, ASCII, main', 0.28, 0.1, part('many-10000-ascii', 'main')),
  most('P10', 'executeMany 10,000 × 6, ASCII, wall', 0.85, undefined, part('many-10000-ascii', 'wall')),
  most('P10', 'executeMany 10,000 × 6, CJK, main', 0.28, 0.1, part('many-10000-cjk', 'main')),
  most('P10', 'executeMany 10,000 × 6, CJK, wall', 0.85, undefined, part('many-10000-cjk', 'wall')),
  most('P11', 'awaited get, vs node-sqlite3', 0.5, 0.25, part('get-one', 'wall', 'sqlite3')),
  most(
    'P11',
    'awaited get, vs better-sqlite3 in a worker',
    0.5,
    0.25,
    part('get-one', 'wall', 'better-sqlite3-worker'),
  ),
  least('P12', '1,000 gets in flight, vs node-sqlite3', 5, 8, faster('get-1000', 'sqlite3')),
  least('P13', 'mixed: appends', 2.5, undefined, ratio('mixed', 'appendsPerSecond', OURS, PEER)),
  least('P13', 'mixed: reads', 2.5, undefined, ratio('mixed', 'readsPerSecond', OURS, PEER)),
  // No more than appends and reads may take without each other, P5 and P7.
  most('P13', 'mixed: main thread per append', 8, 6, single('mixed', 'appendMain'), micros),
  most('P13', "mixed: main per read of 50 events, part of the peer's", 0.42, 0.22, part('mixed', 'readMain')),
  most('P13', "mixed: p99 delay, part of the peer's", 1, undefined, part('mixed', 'delay')),
  most('P13', 'mixed: p99 delay', Number.POSITIVE_INFINITY, 2, single('mixed', 'delay'), millis),
  most('P14', 'newest 50 events, large file vs small', 1.3, 1.1, single('growth-recent', 'ratio')),
  compared('P14', '… with better-sqlite3', single('growth-recent', 'ratio', PEER)),
  most('P15', "page of a user's sessions, large vs small", 2, 1.2, single('growth-list-user', 'ratio')),
  most('P15', "page of the app's sessions, large vs small", 2, 1.2, single('growth-list-app', 'ratio')),
  most('P16', 'append, large file vs small', 1.5, 1.2, single('growth-append', 'ratio')),
  compared('P16', '… with better-sqlite3', single('growth-append', 'ratio', PEER)),
  most('P17', 'process start to first row', 1.3, 1, part('startup', 'firstRowMs')),
  most(
    'P18',
    'memory of a queued append, beyond its event',
    2_048,
    undefined,
    single('memory-queued', 'beyondEvent'),
    bytes,
  ),
  most('P18', 'memory of an idle connection', 307_200, undefined, single('memory-idle', 'bytesPerConnection'), bytes),
  most('P19', "bytes on disk per event, of its JSON's", 1.5, 1.25, single('file-size', 'timesJson')),
  most('P20', 'WAL frames per append, 64 sessions', 1.1, 0.75, single('wal-frames-hot', 'framesPerAppend')),
  most('P20', 'WAL frames per append, 64 of 20,000', 3.6, 3.2, single('wal-frames-cold', 'framesPerAppend')),
  least(
    'P21',
    'appends vs a worker that batches commits',
    1.25,
    2,
    faster('append-full-64', 'better-sqlite3-batching'),
  ),
  most('P21', '… main', 1, undefined, part('append-full-64', 'main', 'better-sqlite3-batching')),
  most('P22', 'searchMemory, 60,000 entries: p95', 3, undefined, single('memory-search', 'p95Ms'), millis),
  most('P22', '… main', 300, undefined, single('memory-search', 'main'), micros),
  most('P22', '… p95, 600,000 entries vs 60,000', 1.3, undefined, single('memory-growth', 'ratio')),
  least(
    'P24',
    'appends that fill a memory, vs without',
    0.6,
    undefined,
    ratio('append-full-64', 'wall', OURS, 'aiosqlite-memory'),
  ),
  most(
    'P24',
    '… main, beyond that without',
    4,
    undefined,
    beyond('append-full-64', 'main', 'aiosqlite-memory'),
    micros,
  ),
  least('P25', 'artifact of 1 MiB saved, vs a synced file', 0.8, undefined, faster('artifact-save', 'file-artifacts')),
  most('P25', 'artifact of 1 MiB loaded, main vs its base64', 1.5, undefined, single('artifact-load', 'timesBase64')),
  most('P25', 'list of 10,000 artifacts of 1 KiB', 10, undefined, single('artifact-list-1-KiB', 'listMs'), millis),
  most('P25', 'list of 10,000 artifacts of 1 MiB', 10, undefined, single('artifact-list-1-MiB', 'listMs'), millis),
  most('P26', 'fork of 10,000 events', 80, undefined, single('history-edits', 'forkMs'), millis),
  most('P26', '… event loop blocked', 2, undefined, single('history-edits', 'forkBlockedMs'), millis),
  most('P26', 'rewind of 10,000 events', 80, undefined, single('history-edits', 'rewindMs'), millis),
  most('P26', '… event loop blocked', 2, undefined, single('history-edits', 'rewindBlockedMs'), millis),
  most('P27', 'PostgreSQL: round trips per append', 1, undefined, single('postgres-far-1', 'tripsPerAppend', POSTGRES)),
  least(
    'P27',
    "appends, 64 callers, vs ADK's service there",
    80,
    150,
    ratio('postgres-append-64', 'wall', 'adk-postgres', POSTGRES),
  ),
  least(
    'P27',
    '… vs a transaction each over pg',
    5,
    9,
    ratio('postgres-append-64', 'wall', 'pg-transaction', POSTGRES),
  ),
  most('P27', '… p99', 10, 5, single('postgres-append-64', 'p99Ms', POSTGRES), millis),
  most('P27', '… CPU of the client per append', 30, 15, single('postgres-append-64', 'cpuUs', POSTGRES), micros),
  least(
    'P27',
    'appends, 1 caller, vs a transaction each',
    1.5,
    2.2,
    ratio('postgres-append-1', 'wall', 'pg-transaction', POSTGRES),
  ),
  least(
    'P27',
    '… with the server 1 ms away',
    4,
    undefined,
    ratio('postgres-far-1', 'wall', 'pg-transaction', POSTGRES),
  ),
  most('P28', 'PostgreSQL, large vs small: append', 1.5, 1.2, single('postgres-growth', 'appendRatio', POSTGRES)),
  most('P28', '… newest 50 events', 1.5, 1.2, single('postgres-growth', 'recentRatio', POSTGRES)),
  most('P28', "… page of a user's sessions", 1.5, 1.2, single('postgres-growth', 'pageRatio', POSTGRES)),
  most(
    'P28',
    "… page of the app's sessions, with the total",
    100,
    undefined,
    single('postgres-growth', 'appPageMs', POSTGRES),
    millis,
  ),
  least('P28', '… HOT updates of sessions', 0.95, 0.99, single('postgres-growth', 'hotShare', POSTGRES), percent),
  // 5 × where a sync takes 200 µs or more.
  least(
    'P30',
    'LangGraph: put and putWrites, 64 threads, vs its SqliteSaver',
    3.5,
    5,
    faster('langgraph-put-64', 'langgraph-sqlite'),
  ),
  most('P30', '… main', 1 / 5, undefined, part('langgraph-put-64', 'main', 'langgraph-sqlite')),
  most(
    'P31',
    'web server: opening 10,000 events',
    0.4,
    undefined,
    ratio('web-open', 'wall', OURS, 'adk-database'),
    times,
  ),
  most('P31', '… a turn on them', 0.4, undefined, ratio('web-turn', 'wall', OURS, 'adk-database'), times),
  least('P32', 'durable appends, 64 callers, vs lmdb-js', 1.1, undefined, faster('append-full-64', 'lmdb')),
  most('P32', '… main', 1, undefined, part('append-full-64', 'main', 'lmdb')),
  least('P32', 'durable appends, 256 callers, vs lmdb-js', 1, undefined, faster('append-full-256', 'lmdb')),
  most('P32', '… main', 1, undefined, part('append-full-256', 'main', 'lmdb')),
];

/** The four cheapest ratios, for `npm run bench -- --check`: at 60 % of the target something is broken, not noisy. */
export const CHECKED = TARGETS.filter(
  ({ id, scenario }) => ['P1', 'P9', 'P11'].includes(id) || (id === 'P7' && scenario === 'history-1000'),
);
export const LOOSE = 0.6;

/**
 * What came out of one target.
 *
 * @param {Target} target
 * @param {object[]} results
 * @param {number} [loose] 1, or less for a bound that is met more easily; then the JavaScript thread's clock decides where
 *   there is one, which a busy machine doesn't disturb as much
 */
export function judge(target, results, loose = 1) {
  const { id, what, bound, show, stretch } = target;
  const goal = bound === 'least' ? target.target * loose : target.target / loose;
  const values = (loose < 1 && target.values.onCore?.(results)) || target.values(results);
  const sign = bound === 'least' ? '≥' : '≤';
  const shown = {
    id,
    what,
    target: Number.isFinite(goal) ? `${sign} ${show(goal)}` : '',
    stretch: stretch === undefined ? '' : show(stretch),
  };
  if (values === undefined) return { ...shown, figure: '', spread: '', onCore: '', verdict: 'not measured' };
  const { median, low, high } = summary(values);
  const reaches = (limit) => (bound === 'least' ? median >= limit : median <= limit);
  const stretched = stretch !== undefined && reaches(stretch);
  const verdict = !reaches(goal)
    ? 'missed'
    : stretched
      ? 'stretch'
      : Number.isFinite(goal)
        ? 'met'
        : stretch === undefined
          ? ''
          : 'no stretch yet';
  const onCore = target.values.onCore?.(results);
  return {
    ...shown,
    figure: show(median),
    spread: values.length > 1 ? `${show(low)} – ${show(high)}` : '',
    onCore: onCore ? show(summary(onCore).median) : '',
    value: median,
    verdict,
  };
}

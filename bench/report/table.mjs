import { DRIVERS } from '../drivers/index.mjs';
import { median, summary } from '../run/statistics.mjs';

/** Columns as wide as their widest cell; numbers to the right. @param {string[]} heads @param {string[][]} rows */
export function table(heads, rows, left = 1) {
  const widths = heads.map((head, i) => Math.max(...[head, ...rows.map((row) => row[i] ?? '')].map(lengthOf)));
  const line = (cells) =>
    cells
      .map((cell, i) => {
        const pad = ' '.repeat(widths[i] - lengthOf(cell));
        return i < left ? cell + pad : pad + cell;
      })
      .join('  ')
      .trimEnd();
  return [
    line(heads),
    line(widths.map((width) => '─'.repeat(width))),
    ...rows.map((row) => line(heads.map((_, i) => row[i] ?? ''))),
  ].join('\n');
}

const lengthOf = (text) => [...text].length;

/** A time with three digits, in the unit that suits it. @param {number} us */
export function time(us) {
  if (Number.isNaN(us)) return '';
  const [value, unit] = us < 1_000 ? [us, 'µs'] : us < 1e6 ? [us / 1_000, 'ms'] : [us / 1e6, 's '];
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** One scenario: a line per driver, the failed ones with their reason. */
export function scenarioTable({ name, title, unit, baseline, timed, load, seconds, rows }) {
  const head = `\n${title}  [${name}]  load ${load.join(' → ')}, ${seconds} s\n`;
  const failures = rows
    .filter(({ error, differs }) => error || differs)
    .map(
      ({ driver, error }) =>
        `  ${DRIVERS[driver].title}: ${error ?? 'its result differs from the first driver’s: no comparison'}`,
    );
  const measured = rows.filter(({ error, rounds }) => !error && rounds.length > 0);
  const tables = [];
  if (measured.length > 0 && timed) tables.push(timesTable(measured, unit, baseline));
  if (measured.some(({ rounds }) => Object.keys(rounds[0].figures ?? {}).length > 0))
    tables.push(figuresTable(measured));
  return `${head}${[...tables, ...failures].filter(Boolean).join('\n')}`;
}

const NAME = ({ driver, version }) => `${DRIVERS[driver].title} ${version ?? ''}`.trim();

function timesTable(rows, unit, baseline) {
  const base = rows.find(({ driver }) => driver === baseline);
  const heads = ['', `wall/${unit}`, 'quartiles', 'main', 'thread', 'process', 'loop', 'p99 delay', 'RSS', 'fsync'];
  if (base) heads.push('wall ×', 'main ×');
  const lines = rows.map((row) => {
    const per = (field) => row.rounds.map((round) => (round[field] * 1_000) / round.operations);
    const wall = summary(per('wallMs'));
    const cells = [
      `${NAME(row)}${DRIVERS[row.driver].durable === false ? ' (not durable)' : ''}${row.differs ? ' (!)' : ''}`,
      time(wall.median),
      `${time(wall.low)} – ${time(wall.high)}`,
      time(median(per('mainMs'))),
      time(median(per('threadMs'))),
      time(median(per('processMs'))),
      `${Math.round(median(row.rounds.map(({ utilization }) => utilization)) * 100)} %`,
      `${median(row.rounds.map(({ delayP99Ms }) => delayP99Ms)).toFixed(1)} ms`,
      `${Math.round(median(row.rounds.map(({ rssBytes }) => rssBytes)) / 2 ** 20)} MB`,
      row.rounds[0].fsyncUs === undefined ? '' : time(median(row.rounds.map(({ fsyncUs }) => fsyncUs))),
    ];
    if (base) cells.push(ratioTo(base, row, 'wallMs'), ratioTo(base, row, 'mainMs'));
    return cells;
  });
  return table(heads, lines);
}

/** How many times as fast as the baseline, round by round. */
function ratioTo(base, row, field) {
  const ratios = row.rounds.map((round, i) => {
    const other = base.rounds[i];
    return other ? other[field] / other.operations / (round[field] / round.operations) : Number.NaN;
  });
  const value = median(ratios);
  return Number.isNaN(value) ? '' : value.toFixed(value < 10 ? 2 : 0);
}

function figuresTable(rows) {
  const names = [...new Set(rows.flatMap(({ rounds }) => Object.keys(rounds[0].figures ?? {})))];
  const lines = rows.map((row) => [
    NAME(row),
    ...names.map((name) => {
      const { median: value, low, high } = summary(row.rounds.map(({ figures }) => figures[name]));
      const show = (number) => number.toFixed(Math.abs(number) < 10 ? 2 : Math.abs(number) < 1_000 ? 1 : 0);
      return row.rounds.length > 1 ? `${show(value)} (${show(low)} – ${show(high)})` : show(value);
    }),
  ]);
  return table(['', ...names], lines);
}

/** The targets. @param {ReturnType<import('../targets.mjs').judge>[]} verdicts */
export function targetTable(verdicts) {
  return table(
    ['', 'work', 'target', 'stretch', 'figure', 'quartiles', 'on core', 'verdict'],
    verdicts.map(({ id, what, target, stretch, figure, spread, onCore, verdict }) => [
      id,
      what,
      target,
      stretch,
      figure,
      spread,
      onCore,
      verdict,
    ]),
    2,
  );
}

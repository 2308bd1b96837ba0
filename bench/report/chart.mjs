import { DRIVERS } from '../drivers/index.mjs';
import { summary } from '../run/statistics.mjs';
import { CHARTED } from './charted.mjs';
import { drawSvg, OTHERS, OURS, TEXT } from './svg.mjs';

const WIDTH = 300;
const BAR = 20;
/** Bars would hide each other beyond this: points on a logarithmic axis have no length to compare. */
const MOST_TIMES = 20;
const LABELS = 300;

/** For each workload how much gets done in a second, and what the JavaScript thread pays for one. */
export function drawChart({ date, machine, options, results }) {
  const panels = CHARTED.map((name) => results.find((result) => result.name === name))
    .filter((result) => result !== undefined)
    .map((result) => ({ ...result, rows: result.rows.filter(isMeasured) }))
    .filter(({ rows }) => rows.length > 1);
  const nodes = [machine.node, ...machine.otherNodes].join(', ');
  const title = {
    text: 'aiosqlite beside what one might use instead',
    subtitle: [
      `${date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, Node ${nodes}`,
      `Medians of ${options.rounds} alternating rounds, with quartiles. Bars begin at zero; points stand on a logarithmic axis.`,
      'Not durable: a write that was acknowledged may be lost with the power.',
    ],
    fontSize: 20,
    offset: 16,
  };
  const spec = { title, vconcat: panels.map(panelOf), spacing: 36 };
  return drawSvg(spec, `${panels.length} workloads, each with this package and with other libraries`);
}

const isMeasured = ({ error, differs, rounds }) => !error && !differs && rounds.length > 0;

function panelOf({ title, unit, durable, rows }) {
  const isLost = ({ driver }) => durable && DRIVERS[driver].durable === false;
  const lost = rows.filter(isLost);
  const of = (field, convert = (us) => us) => [
    ...rows.filter((row) => !isLost(row)).map((row) => figuresOf(row, field, convert)),
    ...(lost.length > 0 ? [{ title: 'Not durable:' }] : []),
    ...lost.map((row) => figuresOf(row, field, convert)),
  ];
  const perSecond = of('wallMs', (us) => 1e6 / us);
  return {
    title: { text: title, offset: 10 },
    hconcat: [
      sideOf(perSecond, count, `${plural(unit)} per second: more is better`, true),
      sideOf(of('mainMs'), duration, `JavaScript thread busy per ${unit}: less is better`, false),
    ],
    spacing: 90,
  };
}

/** Median and quartiles of a driver's rounds, per operation. */
function figuresOf({ driver, rounds }, field, convert) {
  const { median, low, high } = summary(rounds.map((round) => convert((round[field] * 1_000) / round.operations)));
  return { title: DRIVERS[driver].title, kind: driver.startsWith('aiosqlite') ? OURS : OTHERS, median, low, high };
}

/** One half of a panel: a row for each driver. */
function sideOf(values, show, caption, isLabelled) {
  const measured = values.filter(({ median }) => median !== undefined);
  const x = {
    field: 'median',
    type: 'quantitative',
    title: caption,
    ...(isWide(measured) ? logarithmic(measured, show) : { axis: { tickCount: 4, labelExpr: labelOf(show) } }),
  };
  const names = values.map(({ title }) => title);
  const y = { field: 'title', type: 'nominal', sort: names, title: null, scale: { paddingInner: 0.3 } };
  const labels = { labelLimit: 0, minExtent: LABELS, maxExtent: LABELS, labelFontSize: 12, grid: false };
  const bold = { condition: { test: "indexof(datum.label, 'aiosqlite') === 0", value: 'bold' }, value: 'normal' };
  const mark = isWide(measured) ? { type: 'point', filled: true, size: 90, opacity: 1 } : { type: 'bar' };
  return {
    width: WIDTH,
    height: { step: BAR },
    data: { values: values.map((value) => ({ ...value, text: value.median === undefined ? '' : show(value.median) })) },
    encoding: { y: { ...y, axis: isLabelled ? { ...labels, labelFontWeight: bold } : null } },
    layer: [
      { mark, encoding: { x, color: { field: 'kind', type: 'nominal', scale: null } } },
      { mark: { type: 'rule', color: TEXT }, encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' } } },
      { mark: { type: 'text', align: 'left', dx: WIDTH + 8 }, encoding: { x: { value: 0 }, text: { field: 'text' } } },
    ],
  };
}

/** Bars would hide each other. */
function isWide(values) {
  const medians = values.map(({ median }) => median);
  return Math.min(...medians) > 0 && Math.max(...medians) > MOST_TIMES * Math.min(...medians);
}

function logarithmic(values, show) {
  const domain = [Math.min(...values.map(({ low }) => low)) / 1.3, Math.max(...values.map(({ high }) => high)) * 1.3];
  const ticks = Array.from({ length: 19 }, (_, i) => 10 ** (i - 6)).filter((at) => at >= domain[0] && at <= domain[1]);
  return { scale: { type: 'log', domain, nice: false }, axis: { values: ticks, labelExpr: labelOf(show) } };
}

/** Numbers on an axis as those beside the bars. */
const labelOf = (show) =>
  show === count
    ? "datum.value >= 10000 ? format(datum.value / 1000, ',~r') + ' k' : format(datum.value, ',~r')"
    : "datum.value >= 1000 ? format(datum.value / 1000, ',~r') + ' ms' : format(datum.value, '~r') + ' µs'";

const plural = (unit) => (unit === 'batch' ? 'batches' : `${unit}s`);

const count = (value) =>
  value >= 10_000
    ? `${Math.round(value / 1_000).toLocaleString('en')} k`
    : value >= 100
      ? Math.round(value).toLocaleString('en')
      : `${Number(value.toPrecision(3))}`;

function duration(us) {
  if (us === 0) return '0';
  const [value, unit] = us < 1_000 ? [us, 'µs'] : [us / 1_000, 'ms'];
  return `${Number(value.toPrecision(3))} ${unit}`;
}

import * as echarts from 'echarts';
import { DRIVERS } from '../drivers/index.mjs';
import { median } from '../run/statistics.mjs';

/** What a reader looks for first; scenarios that were not run are left out. */
const PANELS = [
  'append-full-64',
  'append-full-1',
  'append-normal-64',
  'mixed',
  'history-1000',
  'history-recent-50',
  'list-app',
  'runner-turn',
  'all-1000',
  'get-one',
  'get-1000',
  'many-10000-ascii',
];

const WIDTH = 1_400;
const HEAD = 96;
const BAR = 24;
const PANEL_HEAD = 64;
const PANEL_GAP = 46;
const LABELS = 300;
const COLUMN = (WIDTH - 40) / 2;
const OURS = '#1a7f5a';
const OTHERS = '#8a97a8';

/** Bars per driver: how much gets done in a second, and what the JavaScript thread pays for one. All axes begin at zero. */
export function drawChart({ date, machine, options, results }) {
  const panels = PANELS.map((name) => results.find((result) => result.name === name))
    .filter((result) => result !== undefined)
    .map((result) => ({
      ...result,
      rows: result.rows.filter(({ error, differs, rounds }) => !error && !differs && rounds.length > 0),
    }))
    .filter(({ rows }) => rows.length > 1);
  const option = {
    animation: false,
    backgroundColor: '#ffffff',
    title: [],
    grid: [],
    xAxis: [],
    yAxis: [],
    series: [],
  };
  option.title.push({
    text: 'aiosqlite beside what one might use instead',
    subtext: `${date.slice(0, 10)} · ${machine.cpu}, ${machine.cores} cores · Node ${machine.node} · medians of ${options.rounds} alternating rounds · with *: an acknowledged write may be lost with the power`,
    left: 20,
    top: 14,
    textStyle: { fontSize: 22 },
    subtextStyle: { fontSize: 13, color: '#555' },
  });
  let top = HEAD;
  for (const { title, unit, rows } of panels) {
    const per = (field) =>
      rows.map(({ rounds }) => median(rounds.map((round) => (round[field] * 1_000) / round.operations)));
    const perSecond = per('wallMs').map((us) => 1e6 / us);
    option.title.push({ text: title, left: 20, top, textStyle: { fontSize: 15 } });
    addPanel(option, rows, {
      top,
      left: 20,
      caption: `${plural(unit)} per second: longer is better`,
      values: perSecond,
      show: count,
    });
    addPanel(option, rows, {
      top,
      left: 20 + COLUMN,
      caption: `JavaScript thread busy per ${unit}: shorter is better`,
      values: per('mainMs'),
      show: duration,
    });
    top += PANEL_HEAD + rows.length * BAR + PANEL_GAP;
  }
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: top });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function addPanel(option, rows, { top, left, caption, values, show }) {
  const index = option.grid.length;
  const names = rows.map(({ driver }) => `${DRIVERS[driver].title}${DRIVERS[driver].durable === false ? ' *' : ''}`);
  option.title.push({
    text: caption,
    left: left + LABELS,
    top: top + 26,
    textStyle: { fontSize: 12, fontWeight: 'normal', color: '#555' },
  });
  option.grid.push({
    left: left + LABELS,
    top: top + PANEL_HEAD - 14,
    width: COLUMN - LABELS - 90,
    height: rows.length * BAR,
  });
  option.xAxis.push({
    gridIndex: index,
    type: 'value',
    min: 0,
    splitNumber: 4,
    axisLabel: { fontSize: 11, formatter: show },
    splitLine: { lineStyle: { color: '#e6e9ee' } },
  });
  option.yAxis.push({
    gridIndex: index,
    type: 'category',
    inverse: true,
    data: names,
    axisTick: { show: false },
    axisLabel: { fontSize: 12, color: '#222', width: LABELS - 16, overflow: 'truncate', interval: 0 },
  });
  option.series.push({
    type: 'bar',
    xAxisIndex: index,
    yAxisIndex: index,
    barWidth: 14,
    data: values.map((value, i) => ({
      value,
      itemStyle: { color: rows[i].driver.startsWith('aiosqlite') ? OURS : OTHERS },
    })),
    label: { show: true, position: 'right', fontSize: 11, color: '#222', formatter: ({ value }) => show(value) },
  });
}

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

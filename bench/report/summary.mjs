import { drawSvg, OURS, TEXT } from './svg.mjs';

/** A target (id and the beginning of its work) → label of its bar: the chart of README.md. */
const BARS = [
  ['P6', 'appends, 1 caller', 'Append an event, vs ADK’s database service'],
  ['P8', '… times as fast', 'Load a session of 1,000 events, vs ADK’s database service'],
  ['P13', 'mixed: reads', 'Reads beside 64 writers, vs better-sqlite3'],
  ['P12', '1,000 gets', '1,000 queries in flight, vs sqlite3'],
  ['P1', 'durable appends', 'Durable appends, 64 callers, vs better-sqlite3'],
  ['P32', 'durable appends, 64', 'Durable appends, 64 callers, vs lmdb-js'],
  ['P4', 'durable appends', 'Durable appends, 1 caller, vs better-sqlite3'],
];

/** Times as fast, on a logarithmic axis: bars begin at 1 ×, and what is slower goes to the left. */
export function drawSummary({ targets }) {
  const bars = BARS.flatMap(([id, work, label]) => {
    const target = targets.find((each) => each.id === id && each.what.startsWith(work));
    return target?.value === undefined
      ? []
      : [{ label, value: target.value, end: Math.max(1, target.value), text: target.figure }];
  });
  if (bars.length === 0) return undefined;
  const [least, most] = [Math.min(1, ...bars.map(({ value }) => value)), Math.max(...bars.map(({ value }) => value))];
  const x = {
    field: 'value',
    type: 'quantitative',
    scale: { type: 'log', domain: [least / 1.1, most * 1.1], nice: false },
    axis: null,
  };
  const atOne = { datum: 1, type: 'quantitative', axis: null };
  const words = { type: 'text', align: 'left', fontSize: 14 };
  const spec = {
    width: 400,
    height: bars.length * 46,
    // Texts are wider in Vega's estimate than they are.
    autosize: { type: 'none' },
    padding: { left: 5, top: 5, right: 90, bottom: 32 },
    data: { values: bars },
    title: {
      text: 'Line: as fast as the other library. Logarithmic scale.',
      orient: 'bottom',
      frame: 'group',
      fontSize: 13,
      fontWeight: 'normal',
    },
    layer: [
      {
        encoding: { y: { field: 'label', type: 'nominal', sort: null, axis: null } },
        layer: [
          { mark: { type: 'bar', height: 14, yOffset: 8, color: OURS }, encoding: { x, x2: { datum: 1 } } },
          { mark: { ...words, dx: 6, dy: -10 }, encoding: { x: atOne, text: { field: 'label' } } },
          {
            mark: { ...words, dx: 6, dy: 8, fontWeight: 'bold' },
            encoding: { x: { ...x, field: 'end' }, text: { field: 'text' } },
          },
        ],
      },
      { mark: { type: 'rule', color: TEXT }, encoding: { x: atOne } },
    ],
  };
  return drawSvg(spec, bars.map(({ label, text }) => `${label}: ${text}`).join('; '));
}

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { FileOverview } from '../inspector-types.js';
import { count, size } from './format.js';

/** Growth and sizes of the file. */
export function File({ overview: { tables, growth } }: { overview: FileOverview }) {
  const largest = Math.max(1, ...tables.map(({ bytes }) => bytes));
  return (
    <section class="column" aria-label="File">
      <h2>Growth</h2>
      {growth.length === 0 ? <p class="none">No events.</p> : <Growth growth={growth} />}
      <h2>Tables</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Table</th>
            <th scope="col" class="number">
              Rows
            </th>
            <th scope="col" class="number">
              Size
            </th>
            <td class="bars" />
          </tr>
        </thead>
        <tbody>
          {tables.map(({ name, rows, bytes }) => (
            <tr key={name}>
              <td>
                <code>{name}</code>
              </td>
              <td class="number">{rows === null ? 'unknown' : count(rows)}</td>
              <td class="number">{size(bytes)}</td>
              <td class="bars">
                <span style={{ width: `${(100 * bytes) / largest}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const DAY = 86_400;
/** Steps of an axis of bytes. */
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, exponent) => 2 ** exponent);

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Events of each day, and the bytes of all events until then. */
function Growth({ growth }: { growth: FileOverview['growth'] }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current as HTMLDivElement;
    let bytes = 0;
    const sums = growth.map((day) => (bytes += day.bytes));
    const data: uPlot.AlignedData = [
      growth.map(({ day }) => Date.parse(day) / 1000),
      growth.map(({ events }) => events),
      sums,
    ];
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
    const draw = () =>
      new uPlot(
        {
          width: element.clientWidth,
          height: 260,
          tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
          scales: {
            // Room for half a bar at both ends.
            x: { range: (_, first, last) => [first - DAY / 2, last + DAY / 2] },
            bytes: { range: (_, __, most) => [0, most] },
            y: { range: (_, __, most) => [0, most] },
          },
          axes: [
            { ...axis },
            { ...axis, size: 60 },
            {
              ...axis,
              scale: 'bytes',
              side: 1,
              size: 84,
              incrs: POWERS_OF_TWO,
              grid: { show: false },
              values: (_, all) => all.map(size),
            },
          ],
          series: [
            { value: (_, seconds) => (seconds === null ? '' : new Date(seconds * 1000).toISOString().slice(0, 10)) },
            {
              label: 'events of the day',
              stroke: colour('--accent'),
              fill: colour('--faint'),
              paths: (uPlot.paths.bars as NonNullable<typeof uPlot.paths.bars>)({ size: [0.7, 60] }),
              points: { show: false },
            },
            {
              label: 'bytes of all events',
              scale: 'bytes',
              stroke: colour('--second'),
              width: 2,
              points: { show: false },
              value: (_, sum) => (sum === null ? '' : size(sum)),
            },
          ],
        },
        data,
        element,
      );
    let plot = draw();
    const redraw = () => {
      plot.destroy();
      plot = draw();
    };
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', redraw);
    addEventListener('resize', redraw);
    return () => {
      dark.removeEventListener('change', redraw);
      removeEventListener('resize', redraw);
      plot.destroy();
    };
  }, [growth]);
  return <div class="chart" ref={place} />;
}

import { parseArgs } from 'node:util';
import { DRIVERS } from '../drivers/index.mjs';
import { SCENARIOS } from '../scenarios/index.mjs';

export const USAGE = `npm run bench -- [flags]

  --scenario NAME   only this one; may be repeated; a name that ends in * stands for all that begin so
  --driver NAME     only this one, and what it is compared with stays out unless named too; may be repeated
  --rounds N        rounds of each driver, 5 or more (default: 7, with --quick 5)
  --events N        events in the large file of the growth scenarios, a multiple of 500 (default: 5,000,000)
  --quick           the scenarios that targets need, with short rounds and small growth files: under five minutes
  --report          what the committed results show: the scenarios that targets and the chart need, in 5 rounds
  --json FILE       results as JSON, and beside it two charts and the tables (FILE with .svg, -summary.svg and .md)
  --chart FILE      only makes charts and tables of results that --json has written
  --check           P1, P7, P9 and P11 against loose bounds; exits 1 when one is missed
  --list            names of scenarios and drivers
  --help`;

export class UsageError extends Error {}

const OPTIONS = {
  scenario: { type: 'string', multiple: true },
  driver: { type: 'string', multiple: true },
  rounds: { type: 'string' },
  events: { type: 'string' },
  quick: { type: 'boolean' },
  report: { type: 'boolean' },
  json: { type: 'string' },
  chart: { type: 'string' },
  check: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean' },
};

/** Throws a UsageError that lists what would have been right. */
export function parseFlags(args) {
  let values;
  try {
    ({ values } = parseArgs({ args, options: OPTIONS }));
  } catch (error) {
    throw new UsageError(`${error.message.split('. ')[0]}\n\n${USAGE}`);
  }
  const scenarios = choose(
    'scenario',
    values.scenario,
    SCENARIOS.map(({ name }) => name),
  );
  const drivers = choose('driver', values.driver, Object.keys(DRIVERS));
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 5)) {
    throw new UsageError(`--rounds ${values.rounds}: a whole number, 5 or more`);
  }
  const events = values.events === undefined ? undefined : Number(values.events);
  if (events !== undefined && !(events >= 500 && events % 500 === 0)) {
    throw new UsageError(`--events ${values.events}: a multiple of 500, 500 or more`);
  }
  return { ...values, scenarios, drivers, rounds, events };
}

function choose(flag, asked, names) {
  if (asked === undefined) return undefined;
  return asked.flatMap((text) => {
    const found = names.filter((name) => (text.endsWith('*') ? name.startsWith(text.slice(0, -1)) : name === text));
    if (found.length === 0)
      throw new UsageError(`--${flag} ${text}: there is none. There are:\n  ${names.join('\n  ')}`);
    return found;
  });
}

import { unreadable } from '../errors.js';
import { Zone } from './zone.js';

/** A moment whose local time and UTC are both in the source, in milliseconds; the local time as if it were UTC. */
export interface ZoneVote {
  local: number;
  utc: number;
}

const QUARTER = 900_000;
const DAY = 86_400_000;
/** Offsets that there are. */
const FIRST_OFFSET = -12 * 3_600_000;
const LAST_OFFSET = 14 * 3_600_000;
/** Share of the votes that a zone needs. */
const ENOUGH = 0.6;
/** Votes that decide which zones are looked at more closely. */
const FIRST_VOTES = 24;

/** The zones best known of those with the same rules, as CLDR lists them for Windows. */
const WELL_KNOWN = [
  'America/New_York',
  'America/Chicago',
  'America/Denver',
  'America/Los_Angeles',
  'America/Anchorage',
  'America/Halifax',
  'America/Santiago',
  'Europe/London',
  'Europe/Berlin',
  'Europe/Bucharest',
  'Asia/Jerusalem',
  'Africa/Cairo',
  'Australia/Sydney',
  'Australia/Adelaide',
  'Pacific/Auckland',
];

/** Votes of one day for one offset. */
interface Ballot {
  utc: number;
  offset: number;
  count: number;
}

/**
 * The zone whose local times a source has. Local time and UTC of one moment differ by the offset, rounded to a quarter of an
 * hour. A pause between the two is a vote for a wrong one, so the majority decides. Rejects `'ADK_IMPORT_SOURCE'` where it
 * does not, or where two zones that differ have as many votes. Of zones with the same times it is the one with a single offset,
 * else this machine's, else the best known.
 */
export function inferZone(votes: Iterable<ZoneVote>, own = machineZone()): Zone {
  const ballots = count(votes);
  const total = ballots.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) throw ambiguous('no session tells it');
  const ranked = candidates(ballots)
    .map((zone) => ({ zone, score: scoreOf(zone, ballots) }))
    .sort((a, b) => b.score - a.score);
  const best = ranked[0];
  if (best === undefined || best.score < total * ENOUGH) throw ambiguous('its sessions contradict each other');
  const equals = ranked.filter(({ score }) => score === best.score).map(({ zone }) => zone);
  const rank = ({ name, isFixed }: Zone) => (isFixed ? 0 : [own, ...WELL_KNOWN, name].indexOf(name) + 1);
  const [zone, ...others] = equals.sort((a, b) => rank(a) - rank(b)) as [Zone, ...Zone[]];
  const times = ballots.map(({ utc }) => utc);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const other = others.find((each) => !agree(zone, each, first, last));
  if (other !== undefined) throw ambiguous(`${zone.name} and ${other.name} fit its sessions as well`);
  return zone;
}

const machineZone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;

function ambiguous(why: string) {
  return unreadable(`its times are local ones, and ${why}: name the time zone with --timezone (the option timezone)`);
}

function count(votes: Iterable<ZoneVote>): Ballot[] {
  const ballots = new Map<string, Ballot>();
  for (const { local, utc } of votes) {
    const offset = Math.round((local - utc) / QUARTER) * QUARTER;
    if (offset < FIRST_OFFSET || offset > LAST_OFFSET) continue;
    const key = `${Math.floor(utc / DAY)} ${offset}`;
    const ballot = ballots.get(key);
    if (ballot === undefined) ballots.set(key, { utc, offset, count: 1 });
    else ballot.count += 1;
  }
  return [...ballots.values()].sort((a, b) => b.count - a.count);
}

const scoreOf = (zone: Zone, ballots: readonly Ballot[]) =>
  ballots.reduce((sum, { utc, offset, count }) => sum + (zone.offsetAt(utc) === offset ? count : 0), 0);

/** Zones with one offset first, then those of the IANA database that fit some of the votes. */
function candidates(ballots: readonly Ballot[]): Zone[] {
  const offsets = new Set(ballots.map(({ offset }) => offset));
  const fixed = [...offsets].map((offset) => Zone.fixed(offset));
  if (offsets.size === 1) return fixed;
  // Votes of the whole time, not of its busiest days alone.
  const inTime = [...ballots].sort((a, b) => a.utc - b.utc);
  const step = Math.max(1, Math.floor(inTime.length / FIRST_VOTES));
  const some = inTime.filter((_, at) => at % step === 0);
  const named = Intl.supportedValuesOf('timeZone').map((name) => Zone.named(name));
  return [...fixed, ...named.filter((zone) => scoreOf(zone, some) > 0)];
}

/** Whether two zones have the same offsets from one time to another. */
function agree(a: Zone, b: Zone, first: number, last: number): boolean {
  const step = Math.max(DAY, (last - first) / 2_000);
  for (let utc = first; utc <= last; utc += step) if (a.offsetAt(utc) !== b.offsetAt(utc)) return false;
  return a.offsetAt(last) === b.offsetAt(last);
}

import { METADATA } from '../codec/title.js';
import type { PreparedAppend } from '../prepare.js';
import type { JsonObject } from '../records.js';
import type { HistoryPoint } from './records.js';
import { type EventOutline, type History, stateAt } from './timeline.js';

/** A version of an artifact of the session. */
export interface ArtifactVersion {
  artifactKey: number;
  name: string;
  version: number;
  /** Milliseconds. */
  createTime: number;
}

/** A history cut at its point. */
export interface Cut {
  /** Seqs of summaries before the point that reach past it: they end with the events after it. */
  summaries: number[];
  /** The session state at the point, with the metadata of now. */
  state: JsonObject;
  /** Whether nothing at all lies after the point. */
  isEnd: boolean;
}

/** Cuts a history at its point. */
export function cut(history: History): Cut {
  const { place, events, changes, session } = history;
  const { lastSeq, changesBefore, nextTime = Number.NaN } = place;
  const summaries = events.filter(({ seq, summaryEnd = Number.NaN }) => seq <= lastSeq && summaryEnd >= nextTime);
  return {
    summaries: summaries.map(({ seq }) => seq),
    state: withMetadata(stateAt(history), session.state),
    isEnd: place.nextTime === undefined && changes.every(({ seq }) => seq < changesBefore),
  };
}

/** The title belongs to the session, not to its history. */
function withMetadata(state: JsonObject, current: JsonObject): JsonObject {
  const { [METADATA]: _, ...rest } = state;
  return Object.hasOwn(current, METADATA) ? { ...rest, [METADATA]: current[METADATA] } : rest;
}

/**
 * The versions that were saved after a cut: events after it name them. Where no event names a version, as after retention, its
 * number decides if events name others of its artifact, otherwise its time.
 */
export function laterVersions(
  { events, place }: History,
  { summaries }: Cut,
  versions: readonly ArtifactVersion[],
): ArtifactVersion[] {
  const isEnded = ({ seq }: EventOutline) => seq > place.lastSeq || summaries.includes(seq);
  const before = named(events.filter((event) => !isEnded(event)));
  const after = named(events.filter(isEnded));
  const stored = new Set(versions.map(({ name, version }) => JSON.stringify([name, version])));
  const isStored = (name: string, version: number) => stored.has(JSON.stringify([name, version]));
  return versions.filter(({ name, version, createTime }) => {
    const [earlier, later] = [before.get(name), after.get(name)];
    if (earlier?.versions.has(version)) return false;
    if (later?.versions.has(version)) return true;
    // Of an artifact that was deleted the versions begin again at 0.
    if (earlier && version < earlier.last && isStored(name, earlier.last)) return false;
    return (later && version > later.first) || createTime > place.time;
  });
}

/** Versions of an artifact that events name. */
interface Named {
  versions: Set<number>;
  first: number;
  last: number;
}

function named(events: readonly EventOutline[]): Map<string, Named> {
  const artifactsByName = new Map<string, Named>();
  for (const { artifacts } of events) {
    for (const [name, version] of Object.entries(artifacts)) {
      if (typeof version !== 'number') continue;
      const { versions, first, last } = artifactsByName.get(name) ?? {
        versions: new Set(),
        first: version,
        last: version,
      };
      versions.add(version);
      artifactsByName.set(name, { versions, first: Math.min(first, version), last: Math.max(last, version) });
    }
  }
  return artifactsByName;
}

/** A rewind as it was asked for: where to cut, and how. */
export interface RewindPlan {
  point: HistoryPoint;
  /** Whether removed events are kept for an undo. */
  archive: boolean;
  /** Whether later artifact versions are hidden. */
  artifacts: boolean;
  /** Makes the marker that is appended instead of removing events. */
  marker?(history: History, cut: Cut): PreparedAppend;
}

/** A fork as it was asked for. */
export interface ForkPlan {
  userId: string;
  sessionId: string;
  /** The end of the history that is taken over; absent: all of it is. */
  point?: HistoryPoint;
  /** Whether the fork sees the session's artifacts. */
  artifacts: boolean;
}

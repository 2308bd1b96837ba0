import type { PreparedAppend } from '../prepare.js';
import type { JsonObject } from '../records.js';
import { METADATA } from '../title.js';
import type { HistoryPoint } from './records.js';
import { type EventOutline, type History, type Place, placeOf, stateAt } from './timeline.js';

/** A version of an artifact of the session. */
export interface ArtifactVersion {
  artifactKey: number;
  name: string;
  version: number;
  /** Milliseconds. */
  createTime: number;
}

/** A history cut at a point. */
export interface Cut {
  place: Place;
  /** Events that end with the cut: all after the point, and summaries before it that reach past it. */
  ended: EventOutline[];
  /** The session state at the point, with the metadata of now. */
  state: JsonObject;
  /** Whether nothing at all lies after the point. */
  isEnd: boolean;
}

/** Cuts a history at a point. Throws `'ADK_POINT_NOT_FOUND'`. */
export function cut(history: History, point: HistoryPoint): Cut {
  const place = placeOf(history, point);
  const first = history.events.find(({ seq }) => seq > place.lastSeq);
  const reachesPast = ({ summaryEnd = Number.NaN }: EventOutline) => summaryEnd >= (first?.timestamp ?? Number.NaN);
  const ended = history.events.filter((event) => event.seq > place.lastSeq || reachesPast(event));
  const isEnd = ended.length === 0 && history.changes.every(({ seq }) => seq < place.changesBefore);
  return { place, ended, state: withMetadata(stateAt(history, place), history.session.state), isEnd };
}

/** The title belongs to the session, not to its history. */
function withMetadata(state: JsonObject, current: JsonObject): JsonObject {
  const { [METADATA]: _, ...rest } = state;
  return Object.hasOwn(current, METADATA) ? { ...rest, [METADATA]: current[METADATA] } : rest;
}

/** The versions that were saved after a cut: events after it name them, or no event names them and their time is later. */
export function laterVersions(
  { events }: History,
  { place, ended }: Cut,
  versions: readonly ArtifactVersion[],
): ArtifactVersion[] {
  const gone = new Set(ended);
  const before = named(events.filter((event) => !gone.has(event)));
  const after = named(ended);
  return versions.filter(({ name, version, createTime }) => {
    const label = labelOf(name, version);
    if (before.has(label)) return false;
    return after.has(label) || createTime > place.time;
  });
}

function named(events: readonly EventOutline[]): Set<string> {
  return new Set(
    events.flatMap(({ artifacts }) => Object.entries(artifacts).map(([name, version]) => labelOf(name, version))),
  );
}

const labelOf = (name: string, version: unknown) => JSON.stringify([name, version]);

/** A rewind as it was asked for: where to cut, and how. */
export interface RewindPlan {
  cut(history: History): Cut;
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
  /** Cuts the history; absent: all of it is taken over. */
  cut?(history: History): Cut;
  /** Whether the fork sees the session's artifacts. */
  artifacts: boolean;
}

import { epochMillis } from '../../codec/epoch.js';
import { removedKeys } from '../codec/deltas.js';
import { type AppliedNote, NOTES } from '../codec/event-notes.js';
import { serializeObject } from '../codec/serialize.js';
import { isJsonObject, type JsonObject } from '../records.js';
import type { EventOutline, StateChange } from './timeline.js';

/** Prefixes of ADK's state keys that are not part of the session's own state. */
const OTHER_SCOPES = ['app:', 'user:', 'temp:'];

interface StoredEvent {
  seq: number;
  actions: JsonObject;
  /** As the column has it, notes included. */
  extra: JsonObject;
}

/** The outline of a stored event. */
export function outlineOf({ seq, actions, extra }: StoredEvent): EventOutline {
  const { artifactDelta } = actions;
  return {
    seq,
    change: changeOf(actions, extra[NOTES]),
    artifacts: isJsonObject(artifactDelta) ? artifactDelta : {},
    summaryEnd: summaryEndOf(actions, extra),
  };
}

/** The change that an event has made to the session state: as it was noted, or as its state delta says. */
function changeOf({ stateDelta }: JsonObject, notes: unknown): StateChange | undefined {
  const { applied, removed } = isJsonObject(notes) ? notes : {};
  if (isJsonObject(applied)) {
    const { set, removed } = applied as unknown as AppliedNote;
    return nonEmpty({ set: JSON.parse(set) as JsonObject, removed });
  }
  const values = Object.entries(isJsonObject(stateDelta) ? stateDelta : {});
  return nonEmpty({
    set: Object.fromEntries(values.filter(([key]) => isOwn(key))),
    removed: Array.isArray(removed) ? removed.filter(isOwn) : [],
  });
}

/**
 * The note on a change of the session state; `undefined` if the event's state delta says the same. Values are compared by
 * identity: a note too many costs its bytes alone.
 */
export function appliedNote(actions: unknown, change: JsonObject | undefined): AppliedNote | undefined {
  const { stateDelta } = isJsonObject(actions) ? actions : {};
  const said = isJsonObject(stateDelta) ? stateDelta : undefined;
  let open = 0;
  for (const key in said) if (isOwn(key)) open += 1;
  for (const key in change) {
    if (!isOwn(key) || !said || !Object.hasOwn(said, key) || !Object.is(said[key], change[key])) return noteOn(change);
    open -= 1;
  }
  return open === 0 ? undefined : noteOn(change ?? {});
}

function noteOn(change: JsonObject): AppliedNote {
  return { set: serializeObject(change, 'deltas.session'), removed: removedKeys(change) ?? [] };
}

const isOwn = (key: string) => !OTHER_SCOPES.some((prefix) => key.startsWith(prefix));

function nonEmpty(change: StateChange): StateChange | undefined {
  return Object.keys(change.set).length === 0 && change.removed.length === 0 ? undefined : change;
}

/** ADK for JavaScript writes milliseconds into fields of the event, adk-python seconds into the actions. */
function summaryEndOf({ compaction }: JsonObject, { isCompacted, endTime }: JsonObject): number | undefined {
  const end = isCompacted === true ? endTime : isJsonObject(compaction) ? endOf(compaction) : undefined;
  return typeof end === 'number' ? epochMillis(end) : undefined;
}

const endOf = ({ endTimestamp, end_timestamp }: JsonObject) => endTimestamp ?? end_timestamp;

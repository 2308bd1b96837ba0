import type { ArtifactKey } from '../artifacts/records.js';
import type { EventPage, StoredSession } from '../copy/transfer.js';
import type { MemoryRecord } from '../memory/records.js';
import type { EventRecord, JsonObject, SessionKey } from '../records.js';
import type { Input } from './input/input.js';
import type { ImportOptions, ImportRefusal, ImportSkip } from './records.js';

/** Reads one kind of source. It converts what it finds and knows nothing of the target. */
export interface Format<Of extends Input = Input> {
  /** Name in the report. */
  readonly name: string;
  /** Kind of the input that it reads. */
  readonly kind: Of['kind'];
  /** Whether an input of that kind has this format. */
  recognizes(input: Of, options: ReadOptions): boolean | Promise<boolean>;
  /** Prepares to read. Rejects `'ADK_IMPORT_SOURCE'` for a source that can't be read at all. */
  open(input: Of, options: ReadOptions): Promise<Source>;
}

/** Options that a format follows. */
export type ReadOptions = Pick<ImportOptions, 'app' | 'table' | 'timezone'>;

interface Source {
  /** Time zone of local times; null if there are none, or none were read yet. */
  readonly timezone: string | null;
  /** Content of the source, in its order. The consumer reads an item before it asks for the next one. */
  readonly items: AsyncIterable<Item>;
}

export type Item = FoundState | FoundSession | FoundStored | FoundMemory | FoundArtifact | FoundRefusal | FoundSkip;

/** State that the sessions of an app, or of one of its users, share. Keys have no prefix. */
export interface FoundState {
  kind: 'state';
  /** Table in the report. */
  table: string;
  appName: string;
  userId?: string;
  state: JsonObject;
  /** The state as JSON text, where the order of its keys is to stay. */
  text?: string | undefined;
}

export interface FoundSession {
  kind: 'session';
  /** Tables in the report, of the session and of its events. */
  table: string;
  eventTable: string;
  key: SessionKey;
  /** The session's own state. Keys with the prefix of another scope are taken as they are. */
  state: JsonObject;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  updateTime: number;
  /** Whether the source has no two events of one id. */
  hasUniqueIds?: boolean;
  /** Whether markers of a rewind may be among the events. */
  isRewound?: boolean;
  /** Whether the session is refused as a whole if one of its events is. */
  isWhole?: boolean;
  /** In the order of their appends; read once. */
  events: Iterable<FoundEvent> | AsyncIterable<FoundEvent>;
}

/** A session with all that its database held of it. */
export interface FoundStored {
  kind: 'stored';
  /** Table in the report. */
  table: string;
  session: StoredSession;
  pages: EventPage[];
}

/** An event of its session, or a row that is none. Fields that records don't name stand beside the others. */
export type FoundEvent = EventRecord | ImportRefusal | FoundRaw;

/** An event of which a part can't be read. It is stored with the bytes of that part, and refused in the report. */
interface FoundRaw {
  raw: EventRecord;
  refusal: ImportRefusal;
}

export interface FoundMemory {
  kind: 'memory';
  table: string;
  record: MemoryRecord;
}

/** A version of an artifact. Versions of one name come in ascending order. */
export interface FoundArtifact {
  kind: 'artifact';
  key: ArtifactKey;
  version: number;
  /** Part as ADK has it. */
  part: JsonObject;
  customMetadata?: JsonObject;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
}

/** A row that belongs to no session. */
export interface FoundRefusal extends ImportRefusal {
  kind: 'refused';
  /** Of a session: the number of its events, none of which is taken. */
  events?: number;
  /** Kind of the row, for the counts. */
  of: 'sessions' | 'events' | 'memory' | 'artifacts' | 'states';
}

/** A file that holds no sessions. */
export interface FoundSkip extends ImportSkip {
  kind: 'skipped';
}

export const isRefusal = (found: FoundEvent): found is ImportRefusal => 'reason' in found && 'row' in found;

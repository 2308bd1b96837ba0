/** Options of {@link importSessions}. */
export interface ImportOptions {
  /** Only this app. If the source names no app: the app that its sessions and artifacts belong to. */
  app?: string;
  /** Table of sessions, where a database of SQLSpec has several. */
  table?: string;
  /** Reads and converts everything, and writes nothing. Default: `false`. */
  dryRun?: boolean;
  /** Stores events that a rewind has undone, and its marker; loading a session hides them. Default: `false`: left out. */
  keepRewound?: boolean;
  /**
   * IANA name of the time zone in which the source has written local times: `'Europe/Berlin'`. By default it is found out from
   * the source, where it matters.
   */
  timezone?: string;
  /** Called after each session with the numbers so far. */
  onProgress?: (progress: ImportProgress) => void;
  /** Ends the import between two sessions: it rejects with `signal.reason`, and what is finished stays. */
  signal?: AbortSignal;
}

/** How far an import is. */
export interface ImportProgress {
  /** Sessions read. */
  sessions: number;
  /** Events read. */
  events: number;
}

/** Numbers of an import, for one kind of thing. */
export interface ImportCounts {
  /** Found in the source. */
  read: number;
  /** Stored, or what a dry run would store. */
  converted: number;
  /** In the target already, with the same content. */
  unchanged: number;
  /** Not stored, for a reason that `refused` names. */
  refused: number;
}

/** A row of the source that was not taken. */
export interface ImportRefusal {
  /** Table, or kind of file. */
  table: string;
  /** Id of the event or session, name of the artifact, or number of the row. */
  row: string;
  /** Reason, without any content. */
  reason: string;
}

/** A file or link of the source that was found and not read. */
export interface ImportSkip {
  /** Path within the source. */
  file: string;
  /** Reason. */
  reason: string;
}

/** Result of {@link importSessions}. */
export interface ImportReport {
  /** Format of the source. */
  format: string;
  /** Time zone of local times in the source; null if it has none. */
  timezone: string | null;
  /** Sessions of the source. */
  sessions: ImportCounts;
  /** Events of these sessions. Those that a rewind has undone are read alone. */
  events: ImportCounts;
  /** Entries of memory, where the source has any. */
  memory?: ImportCounts;
  /** Versions of artifacts, where the source has any. */
  artifacts?: ImportCounts;
  /** Every row that was not taken. */
  refused: ImportRefusal[];
  /** Of a folder: files and links that were found and not read, if there are any. */
  skipped?: ImportSkip[];
}

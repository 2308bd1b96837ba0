/** The output of `aiosqlite inspect --json`. */
export interface Overview {
  /** Of the file and its WAL, in bytes. */
  size: number;
  sessions: number;
  events: number;
  /** `rows` is null for a virtual table whose module is missing here. */
  tables: { name: string; rows: number | null; bytes: number }[];
}

/** The whole file, as the inspector shows it. */
export interface FileOverview extends Overview {
  file: string;
  /** Events and their bytes by day, in UTC. */
  growth: { day: string; events: number; bytes: number }[];
  users: { appName: string; userId: string; sessions: number }[];
  /** Whether the file has a memory, and artifacts. */
  memory: boolean;
  artifacts: boolean;
}

/** A session in the list of the inspector. */
export interface SessionItem {
  appName: string;
  userId: string;
  id: string;
  title: string | null;
  createTime: number;
  updateTime: number;
  events: number;
  bytes: number;
}

/** An artifact in the list of the inspector. */
export interface ArtifactItem {
  appName: string;
  userId: string;
  sessionId: string;
  name: string;
  versions: number;
  mimeType: string | null;
  size: number;
}

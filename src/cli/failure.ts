/** Ends a command with exit code 1 and its message, one sentence. */
export class Failure extends Error {}

/** Ends a command with exit code 2: its arguments make no sense together. */
export class Misuse extends Error {}

const SENTENCES: Readonly<Record<string, string>> = {
  SQLITE_NOTADB: 'is not a SQLite database',
  SQLITE_CORRUPT: 'is damaged: see aiosqlite check',
  SQLITE_BUSY: 'is held by another process',
  SQLITE_CANTOPEN: 'cannot be opened',
  SQLITE_READONLY: 'cannot be written to',
  ADK_SCHEMA_VERSION: 'was written by a newer version of aiosqlite',
  ERR_SAME_FILE: 'is the database itself',
};

/** Behind the name of a file of another ADK program. */
export const belongsTo = (program: string) =>
  `belongs to ${program}: aiosqlite import copies its sessions to a database of their own`;

/** One sentence for an error that a file has caused. */
export function failureOf(error: unknown, file: string): Error {
  if (error instanceof Failure || error instanceof Misuse) return error;
  const { code = '', message, program } = error as { code?: string; message: string; program?: string };
  const base = code.split('_').slice(0, 2).join('_');
  const sentence = program === undefined ? (SENTENCES[code] ?? SENTENCES[base]) : belongsTo(program);
  return new Failure(sentence === undefined ? `${file}: ${message}` : `${file} ${sentence}`, { cause: error });
}

/** The work on a file, with its errors as one sentence each. */
export async function onFile<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error, file);
  }
}

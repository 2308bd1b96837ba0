import type { MemoryRecord } from 'aiosqlite/store';

export const owner = { appName: 'app', userId: 'ada' };

/** An entry of `owner`, unless told otherwise. */
export const entry = (id: string, text: string, more: Partial<MemoryRecord> = {}): MemoryRecord => ({
  id,
  ...owner,
  scope: 'user',
  content: { role: 'user', parts: [{ text }] },
  ...more,
});

export const ids = (records: readonly { id: string }[]) => records.map(({ id }) => id).join(' ');

/** The text of a record's first part. */
export const textOf = ({ content }: { content: any }) => content.parts[0].text as string;

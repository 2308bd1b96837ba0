import type { BatchQuery } from '../../executor.js';
import { corruptRow } from '../errors.js';
import { hasCode, type StatementResult } from '../sqlite/context.js';
import { type MemoryContext, sendReads, sendWrites } from './context.js';
import type { Embedding } from './embedder.js';
import type { MemoryLayout } from './layout.js';

/** Key of the memory's embedding in the table of metadata. */
export const embeddingKey = ({ names }: MemoryLayout) => `${names.memory}:embedding`;

export const embeddingQuery = (layout: MemoryLayout): BatchQuery => ({
  sql: layout.sql.embedding,
  params: [embeddingKey(layout)],
});

/** The embedding of the file, from the result of {@link embeddingQuery}; `undefined` while there are no vectors. */
export function decodeEmbedding(layout: MemoryLayout, result: StatementResult | undefined): Embedding | undefined {
  const [row] = result?.rows ?? [];
  if (row === undefined) return undefined;
  try {
    const { model, dimension } = JSON.parse(row[0] as string) as Embedding;
    if (typeof model === 'string' && Number.isSafeInteger(dimension)) return { model, dimension };
  } catch (error) {
    throw corruptRow(layout.names.metadata, embeddingKey(layout), 'value', error);
  }
  throw corruptRow(layout.names.metadata, embeddingKey(layout), 'value');
}

/** Makes an embedding that of the file, or undoes the batch with `'ERR_NO_MATCH'` if the file has another one. */
export function claimEmbedding(layout: MemoryLayout, { model, dimension }: Embedding): BatchQuery[] {
  const key = embeddingKey(layout);
  return [
    { sql: layout.sql.addEmbedding, params: [key, JSON.stringify({ model, dimension })] },
    { sql: layout.sql.isEmbedding, params: [key, model, dimension], ifNone: 'rollback' },
  ];
}

/** Sends writes with vectors of a length. Rejects as {@link explained} has it. */
export async function sendVectors(context: MemoryContext, writes: BatchQuery[], dimension?: number): Promise<void> {
  try {
    await sendWrites(context, writes);
  } catch (error) {
    throw await explained(context, error, dimension);
  }
}

/**
 * Why vectors of a length could not be stored: `'ADK_EMBEDDING_MISMATCH'` if another writer has stored the first ones meanwhile, of
 * another model or length; otherwise the error itself.
 */
export async function explained(context: MemoryContext, error: unknown, dimension?: number): Promise<unknown> {
  if (dimension === undefined || !hasCode(error, 'ERR_NO_MATCH')) return error;
  try {
    const [embedding] = await sendReads(context, [embeddingQuery(context.layout)]);
    context.layout.embedder?.check(decodeEmbedding(context.layout, embedding), dimension);
  } catch (reason) {
    return reason;
  }
  return error;
}

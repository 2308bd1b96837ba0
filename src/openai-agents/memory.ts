import {
  type AgentInputItem,
  getLogger,
  MemorySession,
  type SessionHistoryTransaction,
  type SessionHistoryTransactionArgs,
} from '@openai/agents-core';
import { checkRowName } from '../source/names.js';
import { decode, encode } from './items.js';

/** The SDK's own session over some items: it has the rules of mutations and transactions. It logs no items. */
export function inMemory(initialItems: AgentInputItem[]): MemorySession {
  const logger = { ...getLogger('aiosqlite'), dontLogModelData: true, dontLogToolData: true };
  return new MemorySession({ initialItems, logger });
}

/**
 * Copies a transaction, in the form in which it is stored, before the caller can change it. Rejects the SDK's `UserError` for
 * one that is malformed.
 */
export async function checkedTransaction(args: SessionHistoryTransactionArgs): Promise<SessionHistoryTransactionArgs> {
  let copy: SessionHistoryTransaction | undefined;
  try {
    copy = structuredClone(args.transaction);
  } catch {
    // applyHistoryTransaction() says what is wrong.
  }
  // Any well-formed transaction applies to the end of the history that it expects.
  await inMemory(suffixOf(copy)).applyHistoryTransaction(args);
  checkRowName('args.operationId', args.operationId);
  return { operationId: args.operationId, transaction: decode(encode('args.transaction', copy)) };
}

/** Rejects a `UserError` unless a transaction is the one that was applied under its id. */
export async function repeated(
  { operationId, transaction }: SessionHistoryTransactionArgs,
  applied: SessionHistoryTransaction,
): Promise<void> {
  const session = inMemory(suffixOf(applied));
  await session.applyHistoryTransaction({ operationId, transaction: applied });
  await session.applyHistoryTransaction({ operationId, transaction });
}

function suffixOf(transaction: SessionHistoryTransaction | undefined): AgentInputItem[] {
  const suffix = transaction?.type === 'replace_suffix' ? transaction.expectedSuffix : [];
  return Array.isArray(suffix) ? suffix : [];
}

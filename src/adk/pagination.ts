import type { ListSessionsRequest, ListSessionsResponse } from '@google/adk';
import { outOfRange } from '../errors.js';
import { checkCount } from '../store/internal.js';

/** Offset of a request's page. A page number counts only beside a limit, and then before an offset, as in ADK. */
export function offsetOf({ limit, offset, page }: ListSessionsRequest): number {
  checkCount('limit', limit);
  checkCount('offset', offset);
  checkCount('page', page);
  if (page === 0) throw outOfRange('page', 'a whole number, 1 or more');
  if (page === undefined || limit === undefined) return offset ?? 0;
  return Math.min((page - 1) * limit, Number.MAX_SAFE_INTEGER);
}

/** Fields of ADK's answer beside the sessions. */
export function pageOf(
  { limit, offset = 0, page }: ListSessionsRequest,
  totalItems: number,
): Omit<ListSessionsResponse, 'sessions'> {
  if (limit === undefined) return { page: 1, limit: totalItems, totalItems, totalPages: totalItems === 0 ? 0 : 1 };
  if (limit === 0) return { page: page ?? 1, limit, totalItems, totalPages: 0 };
  return {
    page: page ?? Math.floor(offset / limit) + 1,
    limit,
    totalItems,
    totalPages: Math.ceil(totalItems / limit),
  };
}

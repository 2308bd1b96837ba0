import { type CompiledQuery, type QueryId, type RootOperationNode, SqliteQueryCompiler } from 'kysely';

/** Number of each query among all that were compiled. */
const numbers = new WeakMap<CompiledQuery, number>();
let last = 0;

/**
 * SQLite's compiler, which remembers the order. A query of `db` is compiled before its connection is acquired, a query of
 * `db.connection()` afterwards. Nothing else tells the two apart.
 */
export class AiosqliteQueryCompiler extends SqliteQueryCompiler {
  override compileQuery(node: RootOperationNode, queryId: QueryId): CompiledQuery {
    const query = super.compileQuery(node, queryId);
    numbers.set(query, ++last);
    return query;
  }
}

export function lastCompiled(): number {
  return last;
}

/** False for a query that was compiled elsewhere, as `CompiledQuery.raw()` is. */
export function wasCompiledAfter(query: CompiledQuery, number: number): boolean {
  return (numbers.get(query) ?? 0) > number;
}

import {
  BaseStore,
  type Item,
  type MatchCondition,
  type Operation,
  type OperationResults,
  type SearchItem,
} from '@langchain/langgraph-checkpoint';
import type { NamesOf } from '../arguments.js';
import { checkArray } from '../arguments.js';
import type { BatchQuery, Connection, Executor, Pool, PoolOptions } from '../index.js';
import { type AdapterDatabase, openAdapter } from '../source/adapter.js';
import { encodeVector } from '../store/memory/embedder.js';
import { matches, narrow } from './store-filter.js';
import { checkIndex, matchOf, type SqliteStoreIndex, type Step, stepOf } from './store-operations.js';
import * as sql from './store-queries.js';

/** Options of {@link SqliteStore}. */
export interface SqliteStoreOptions {
  /**
   * Texts that `search({ query })` compares: `fields` of the values (default: `['$']`, all of it), by their words, or by their
   * vectors if there are `embeddings`.
   */
  index?: SqliteStoreIndex;
}

const OPTIONS: NamesOf<SqliteStoreOptions> = { index: true };

type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>;
type ItemRow = [
  path: string,
  key: string,
  value: Record<string, unknown>,
  createdAt: number,
  updatedAt: number,
  score?: number | null,
];
/** Vectors of texts. A model may have others for a query than for a document of the same text. */
interface Vectors {
  documents: ReadonlyMap<string, Uint8Array>;
  queries: ReadonlyMap<string, Uint8Array>;
}

const ROWS = { rowMode: 'array', jsonColumns: sql.JSON_COLUMNS } as const;

/**
 * LangGraph's store of items in SQLite: long-term memory across threads. Tables are made at the first call. A batch is one
 * transaction, and batches that wait together share one commit. No call blocks the event loop.
 * Wrong arguments reject a TypeError or RangeError that names the argument, namespaces LangGraph's `InvalidNamespaceError`, calls
 * after close() `'ERR_CLOSED'`.
 *
 * @example
 * const store = new SqliteStore('agent.db');
 * await store.put(['users', 'ada'], 'tea', { text: 'Drinks Assam' });
 * const found = await store.search(['users'], { query: 'which tea?' });
 */
export class SqliteStore extends BaseStore {
  readonly #database: AdapterDatabase;
  readonly #index: ReturnType<typeof checkIndex>;

  /**
   * `database`: a path, `':memory:'`, a `'file:'` URI or URL; with the options of a pool and of the store together. Throws on
   * wrong options.
   * @example new SqliteStore('agent.db', { index: { dims: 1536, embeddings, fields: ['text'] } });
   */
  constructor(database: string | URL, options?: Omit<PoolOptions, 'database'> & SqliteStoreOptions);
  /** `source`: a pool or connection, which close() leaves open; or those options with `database` among them. */
  constructor(source: Pool | Connection | (PoolOptions & SqliteStoreOptions), options?: SqliteStoreOptions);
  constructor(
    source: string | URL | Pool | Connection | (PoolOptions & SqliteStoreOptions),
    options: Omit<PoolOptions, 'database'> & SqliteStoreOptions = {},
  ) {
    super();
    const opened = openAdapter<SqliteStoreOptions>(source, options, OPTIONS, sql.STORE_TABLES);
    this.#index = checkIndex(opened.options.index);
    this.#database = opened.database;
  }

  /**
   * Runs operations: all reads first, then the writes as one transaction. Of several writes to a key the last one counts. Called
   * by `get`, `search`, `put`, `delete` and `listNamespaces`.
   * @example const [item, items] = await store.batch([{ namespace, key }, { namespacePrefix: ['users'], query: 'tea' }]);
   */
  async batch<Op extends Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    checkArray('operations', operations);
    const steps = operations.map((operation, at) => stepOf(operation, at, this.#index.fields));
    const results = await this.#database.call(
      (db, vectors) => this.#run(db, steps, vectors),
      () => this.#embed(steps),
    );
    return results as OperationResults<Op>;
  }

  /** Makes the tables. Any other call does it too. */
  override async start(): Promise<void> {
    await this.#database.call(async () => {});
  }

  /** The same as close(). */
  override stop(): Promise<void> {
    return this.close();
  }

  /**
   * Lets calls made before it finish, then closes the pool that this store opened. Later calls reject `'ERR_CLOSED'`. May be
   * called again.
   * @example await store.close();
   */
  close(): Promise<void> {
    return this.#database.close();
  }

  /** As close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(db: Executor, steps: Step[], vectors: Vectors): Promise<unknown[]> {
    const searched = await Promise.all(
      steps.map((step) => {
        if (step.kind === 'search') return this.#search(db, step, vectors);
        return step.kind === 'list' ? listNamespaces(db, step) : undefined;
      }),
    );
    const gets = steps.filter((step) => step.kind === 'get');
    const queries: BatchQuery[] = gets.map(({ path, key }) => ({
      sql: sql.GET_ITEM,
      params: [path, key],
      jsonColumns: sql.JSON_COLUMNS,
    }));
    queries.push(...writeQueries(steps, vectors));
    const rows = queries.length > 0 ? await db.batch(queries, { rowMode: 'array' }) : [];
    const items = new Map(gets.map((step, i) => [step as Step, itemOf(rows[i]?.rows[0] as ItemRow | undefined)]));
    return steps.map((step, i) => (step.kind === 'get' ? items.get(step) : searched[i]));
  }

  async #search(db: Executor, step: StepOf<'search'>, vectors: Vectors): Promise<SearchItem[]> {
    const { path, filter, limit, offset } = step;
    const order = this.#order(step, vectors);
    if (order === undefined || limit === 0) return [];
    const { conditions, exact } = narrow(filter);
    const query = sql.searchQuery(order, [sql.below(path), ...conditions]);
    if (exact) {
      const params = [...query.params, limit === Number.POSITIVE_INFINITY ? -1 : limit, offset];
      const rows = await db.all<ItemRow>({ sql: `${query.sql} LIMIT ? OFFSET ?`, params }, ROWS);
      return rows.map(itemOf) as SearchItem[];
    }
    const found: SearchItem[] = [];
    let passed = 0;
    for await (const row of db.iterate<ItemRow>(query, ROWS)) {
      if (!matches(row[2], filter) || passed++ < offset) continue;
      found.push(itemOf(row) as SearchItem);
      if (found.length === limit) break;
    }
    return found;
  }

  /** `undefined` for a query without words. */
  #order({ query, path }: StepOf<'search'>, vectors: Vectors): sql.Order | undefined {
    if (query === undefined) return { by: 'age' };
    const vector = vectors.queries.get(query);
    if (vector !== undefined) return { by: 'vector', vector };
    const match = matchOf(query, path);
    return match === undefined ? undefined : { by: 'words', match };
  }

  /** The vectors of all texts and queries; none without embeddings. */
  async #embed(steps: Step[]): Promise<Vectors> {
    const { embeddings, dims } = this.#index;
    if (embeddings === undefined) return { documents: new Map(), queries: new Map() };
    const texts = [...new Set(steps.flatMap((step) => (step.kind === 'put' ? step.toEmbed : [])))];
    const queries = [...new Set(steps.flatMap((step) => (step.kind === 'search' ? (step.query ?? []) : [])))];
    const [documents, ...found] = await Promise.all([
      texts.length > 0 ? embeddings.embedDocuments(texts) : [],
      ...queries.map((query) => embeddings.embedQuery(query)),
    ]);
    return {
      documents: new Map(texts.map((text, i) => [text, vectorOf(documents[i], dims)])),
      queries: new Map(queries.map((text, i) => [text, vectorOf(found[i], dims)])),
    };
  }
}

function vectorOf(vector: unknown, dims: number | undefined): Uint8Array {
  const isVector = Array.isArray(vector) && vector.every(Number.isFinite) && vector.length === (dims ?? vector.length);
  if (!isVector) {
    const expected = `vectors of ${dims ?? 'any number of'} finite numbers`;
    throw Object.assign(new TypeError(`options.index.embeddings must resolve to ${expected}`), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
  return encodeVector(Float32Array.from(vector as number[]));
}

function itemOf(row: ItemRow | undefined): SearchItem | Item | null {
  if (row === undefined) return null;
  const [path, key, value, createdAt, updatedAt, score] = row;
  const item = {
    namespace: path.split(':'),
    key,
    value,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
  };
  return typeof score === 'number' ? { ...item, score } : item;
}

/** Puts and deletes, of each key the last one. */
function writeQueries(steps: Step[], vectors: Vectors): BatchQuery[] {
  const writes = steps.filter((step) => step.kind === 'put' || step.kind === 'delete');
  const last = new Map(writes.map((step) => [JSON.stringify([step.path, step.key]), step]));
  const now = Date.now();
  return [...last.values()].flatMap((step): BatchQuery[] => {
    const { path, key } = step;
    if (step.kind === 'delete') return [{ sql: sql.DELETE_ITEM, params: [path, key] }];
    const { value, scope, text, toEmbed } = step;
    return [
      { sql: sql.ADD_NAMESPACE, params: [path] },
      { sql: sql.PUT_ITEM, params: [path, key, value, now, scope, text] },
      ...[...new Set(toEmbed)].flatMap((one) => {
        const vector = vectors.documents.get(one);
        return vector === undefined ? [] : [{ sql: sql.ADD_VECTOR, params: [path, key, vector] }];
      }),
    ];
  });
}

async function listNamespaces(
  db: Executor,
  { conditions, maxDepth, limit, offset }: StepOf<'list'>,
): Promise<string[][]> {
  const found = new Set<string>();
  const query = sql.namespacesQuery(sql.below(commonPath(conditions), 'path'));
  for await (const [path] of db.iterate<[string]>(query, { rowMode: 'array' })) {
    const labels = path.split(':');
    if (conditions.every((condition) => isMatch(condition, labels))) found.add(labels.slice(0, maxDepth).join(':'));
    // Cut paths need not come in their own order.
    if (maxDepth === undefined && found.size === offset + limit) break;
  }
  const paths = maxDepth === undefined ? [...found] : [...found].sort();
  return paths.slice(offset, offset + limit).map((path) => path.split(':'));
}

/** The labels at the start of a prefix, up to a wildcard. */
function commonPath(conditions: readonly MatchCondition[]): string {
  const { path = [] } = conditions.find(({ matchType }) => matchType === 'prefix') ?? {};
  const wildcard = path.indexOf('*');
  return path.slice(0, wildcard < 0 ? path.length : wildcard).join(':');
}

function isMatch({ matchType, path }: MatchCondition, labels: string[]): boolean {
  const start = matchType === 'prefix' ? 0 : labels.length - path.length;
  return path.length <= labels.length && path.every((label, i) => label === '*' || label === labels[start + i]);
}

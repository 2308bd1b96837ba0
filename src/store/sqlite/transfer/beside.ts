import { createHash } from 'node:crypto';
import type { BatchQuery, Executor, SqlParam } from '../../../executor.js';
import type { BesideCounts, BesideOptions, BesideReport } from '../../copy/transfer.js';
import { embeddingKey } from '../../memory/embedding.js';
import { type Context, sendWrites } from '../context.js';
import { createTables } from '../tables.js';
import { artifactQueries, type BesideQueries, memoryQueries } from './beside-queries.js';

const ROWS_PER_PAGE = 100;
/** Chunks of a content that are held at a time. */
const CHUNKS = 4;

type Values = SqlParam[];
type Database = Pick<Context, 'db' | 'names'>;

/** Copies the memory and the artifacts of a file into another one. Each row is compared, and written in one transaction. */
export async function copyBeside(from: Database, to: Database, options: BesideOptions): Promise<BesideReport> {
  const report: BesideReport = { refused: [] };
  const memory = await Memory.open(from, to, options, report);
  const artifacts = await Artifacts.open(from, to, options, report);
  if (memory) report.memory = await memory.copy();
  if (artifacts) report.artifacts = await artifacts.copy();
  return report;
}

/** One table. The target's table of metadata keeps the origin of each row, and its hash at that time. */
abstract class Beside<Queries extends BesideQueries> {
  readonly #options: BesideOptions;
  readonly #report: BesideReport;
  /** Whether the target has the table: not in a dry run that would make it. */
  readonly #hasTarget: boolean;

  constructor(
    protected readonly from: Database,
    protected readonly to: Database,
    protected readonly source: Queries,
    protected readonly target: Queries,
    given: { options: BesideOptions; report: BesideReport; hasTarget: boolean },
  ) {
    this.#options = given.options;
    this.#report = given.report;
    this.#hasTarget = given.hasTarget;
  }

  /** Writes a row that the target lacks. */
  protected abstract add(tx: Executor, id: Values, row: Values): Promise<void>;
  /** Name of a row for people. */
  protected abstract nameOf(id: Values): string;

  async copy(): Promise<BesideCounts> {
    const counts = { copied: 0, unchanged: 0, deleted: 0 };
    const { rows, idWidth } = this.source;
    for (let last = 0; ; ) {
      const page = await arrays(this.from.db, rows, [last, ROWS_PER_PAGE]);
      if (page.length === 0) break;
      for (const [, ...values] of page) {
        this.#options.signal?.throwIfAborted();
        const fate = await this.#copyRow(values.slice(0, idWidth), values.slice(idWidth));
        if (fate !== 'refused') counts[fate] += 1;
      }
      last = Number(page.at(-1)?.[0]);
    }
    if (this.#hasTarget) counts.deleted = await this.#deleteGone();
    return counts;
  }

  async #copyRow(id: Values, row: Values): Promise<'copied' | 'unchanged' | 'refused'> {
    if (!this.#hasTarget) return 'copied';
    const [present] = await arrays(this.to.db, this.target.row, id);
    if (present !== undefined) {
      if (await this.isSame(row, present)) return 'unchanged';
      if ((await this.#origin(id))?.hash !== hashOf(present)) {
        this.#refuse(id, 'the target has another one, or has changed it since it was copied');
        return 'refused';
      }
    }
    if (this.#options.dryRun) return 'copied';
    await this.to.db.transaction(async (tx) => {
      if (present !== undefined) await write(tx, { sql: this.target.remove, params: id });
      await this.add(tx, id, row);
      const [[written]] = [await arrays(tx, this.target.row, id)];
      const origin = JSON.stringify({ source: this.#options.source, hash: hashOf(written ?? []) });
      await write(tx, { sql: PUT_ORIGIN(this.to.names.metadata), params: [this.#keyOf(id), origin] });
    });
    return 'copied';
  }

  protected async isSame(row: Values, present: Values): Promise<boolean> {
    return hashOf(present) === hashOf(row);
  }

  async #origin(id: Values): Promise<{ source: string; hash: string } | undefined> {
    const sql = `SELECT value FROM "${this.to.names.metadata}" WHERE key = ?`;
    const [found] = await arrays(this.to.db, sql, [this.#keyOf(id)]);
    return found && JSON.parse(String(found[0]));
  }

  /** Deletes rows that this source has brought, and no longer has. */
  async #deleteGone(): Promise<number> {
    const prefix = `copied:${this.target.table}:`;
    const sql = `SELECT key, value FROM "${this.to.names.metadata}" WHERE key > ? AND key < ? ORDER BY key LIMIT ${ROWS_PER_PAGE}`;
    let deleted = 0;
    for (let last = prefix; ; ) {
      const page = await arrays(this.to.db, sql, [last, `copied:${this.target.table};`]);
      if (page.length === 0) return deleted;
      for (const [key, value] of page) {
        const origin = JSON.parse(String(value)) as { source: string; hash: string };
        const id = JSON.parse(String(key).slice(prefix.length)) as Values;
        if (origin.source !== this.#options.source || (await arrays(this.from.db, this.source.row, id)).length > 0)
          continue;
        const [present] = await arrays(this.to.db, this.target.row, id);
        if (present !== undefined && hashOf(present) !== origin.hash) continue;
        if (present !== undefined) deleted += 1;
        if (this.#options.dryRun) continue;
        await write(
          this.to.db,
          { sql: this.target.remove, params: id },
          { sql: `DELETE FROM "${this.to.names.metadata}" WHERE key = ?`, params: [key as string] },
        );
      }
      last = String(page.at(-1)?.[0]);
    }
  }

  #refuse(id: Values, reason: string): void {
    this.#report.refused.push({ table: this.source.table, row: this.nameOf(id), reason });
  }

  #keyOf(id: Values): string {
    return `copied:${this.target.table}:${JSON.stringify(id)}`;
  }
}

class Memory extends Beside<ReturnType<typeof memoryQueries>> {
  /** Vectors of two models can't be compared: then the target makes its own. */
  #withVectors = true;

  static async open(from: Database, to: Database, options: BesideOptions, report: BesideReport) {
    if (!(await hasTable(from.db, from.names.memory))) return undefined;
    const [source, target] = [memoryQueries(from.names), memoryQueries(to.names)];
    const hasTarget = await prepare(to, target, options);
    const memory = new Memory(from, to, source, target, { options, report, hasTarget });
    if (hasTarget && !options.dryRun) await memory.#copyModel();
    return memory;
  }

  /** The model of the vectors. */
  async #copyModel(): Promise<void> {
    const [key, own] = [embeddingKey(this.source.layout), embeddingKey(this.target.layout)];
    const find = (names: Context['names']) => `SELECT value FROM "${names.metadata}" WHERE key = ?`;
    const [model] = await arrays(this.from.db, find(this.from.names), [key]);
    if (model === undefined) return;
    const add = `INSERT INTO "${this.to.names.metadata}" (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING`;
    await write(this.to.db, { sql: add, params: [own, model[0] as string] });
    const [present] = await arrays(this.to.db, find(this.to.names), [own]);
    this.#withVectors = present?.[0] === model[0];
  }

  protected override isSame(row: Values, present: Values): Promise<boolean> {
    return this.#withVectors ? super.isSame(row, present) : super.isSame(row.slice(0, -1), present.slice(0, -1));
  }

  protected override nameOf(id: Values): string {
    return String(id[4]);
  }

  protected override async add(tx: Executor, id: Values, row: Values): Promise<void> {
    const vector = row.at(-1);
    const { addScope, add, layout, addVector } = this.target;
    await write(
      tx,
      { sql: addScope, params: id.slice(0, 3) },
      { sql: add, params: [...id, ...row.slice(0, -1)] },
      { sql: layout.sql.indexEntry, params: id },
      ...(this.#withVectors && vector != null ? [{ sql: addVector, params: [...id, vector] }] : []),
    );
  }
}

class Artifacts extends Beside<ReturnType<typeof artifactQueries>> {
  static async open(from: Database, to: Database, options: BesideOptions, report: BesideReport) {
    if (!(await hasTable(from.db, from.names.artifacts))) return undefined;
    const [source, target] = [artifactQueries(from.names), artifactQueries(to.names)];
    const hasTarget = await prepare(to, target, options);
    return new Artifacts(from, to, source, target, { options, report, hasTarget });
  }

  protected override nameOf(id: Values): string {
    return `${id[3]}, version ${id[4]}`;
  }

  protected override async isSame(row: Values, present: Values): Promise<boolean> {
    return (await super.isSame(row, present)) && (await this.#hasContent(this.to.db, row));
  }

  async #hasContent(db: Executor, row: Values): Promise<boolean> {
    const [stored] = await arrays(db, this.target.size, [row[4] as string]);
    return Number(stored?.[0]) === Number(row[3]);
  }

  /** The content first: chunk by chunk, in the transaction of the version. */
  protected override async add(tx: Executor, id: Values, row: Values): Promise<void> {
    const hash = row[4] as string;
    if (!(await this.#hasContent(tx, row))) {
      const chunks = this.from.db.iterate(this.source.chunks, [hash], { rowMode: 'array', batchSize: CHUNKS });
      for await (const [chunk, bytes] of chunks)
        await write(tx, { sql: this.target.addChunk, params: [hash, chunk as number, bytes as Uint8Array] });
    }
    await write(tx, { sql: this.target.add, params: [...id, ...row] });
  }
}

/** Makes the tables of the target. Resolves to whether it has them. */
async function prepare(to: Database, { schema, table }: BesideQueries, { dryRun }: BesideOptions): Promise<boolean> {
  if (dryRun) return await hasTable(to.db, table);
  await createTables(to.db, schema);
  return true;
}

async function hasTable(db: Executor, table: string): Promise<boolean> {
  const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
  return (await db.get(sql, [table])) !== undefined;
}

/** Overwrites what the queries delete or replace, as the stores do: an erasure in the target must find no copies. */
async function write(db: Executor, ...queries: BatchQuery[]): Promise<void> {
  await sendWrites({ db }, queries);
}

async function arrays(db: Executor, sql: string, params: Values): Promise<Values[]> {
  return await db.all<Values>(sql, params, { rowMode: 'array' });
}

const PUT_ORIGIN = (metadata: string) =>
  `INSERT INTO "${metadata}" (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`;

/** Bytes, numbers and texts of a row. */
function hashOf(row: Values): string {
  const hash = createHash('sha256');
  for (const value of row) {
    if (value instanceof Uint8Array) hash.update(`b${value.length}:`).update(value);
    else hash.update(`${JSON.stringify(typeof value === 'bigint' ? Number(value) : value)}\n`);
  }
  return hash.digest('base64url');
}

import type {
  ConnectionInfo,
  IsolationLevel,
  Transaction as PrismaTransaction,
  SqlDriverAdapter,
  SqlQuery,
  SqlResultSet,
  TransactionOptions,
} from '@prisma/driver-adapter-utils';
import type { Connection, Executor, Pool, StatementDescription } from '../index.js';
import { OpenTransactions } from '../source/open-transaction.js';
import { driverError, prismaError } from './errors.js';
import { argumentOf, columnTypes, mapRow, type TimestampFormat } from './values.js';

/** SQLite's own limit (sqlite.org/limits.html#max_variable_number). */
const MAX_BIND_VALUES = 32_766;

/** Texts of which the declared types of columns are known. Prisma makes a text for each length of a list. */
const MAX_TEXTS = 1000;

const CHANGES_SCHEMA = /^\s*(?:create|alter|drop)\b/i;

type Describe = (sql: string) => Promise<StatementDescription>;

/** Declared types of the columns of a statement, by its text. They matter to `$queryRaw` alone, and Prisma tells not which it is. */
class DeclaredTypes {
  readonly #byText = new Map<string, (string | undefined)[]>();

  async of(sql: string, describe: Describe): Promise<(string | undefined)[]> {
    const known = this.#byText.get(sql);
    if (known !== undefined) return known;
    const types = await describe(sql).then(
      ({ columns }) => columns.map(({ declaredType }) => declaredType),
      () => [], // the values tell
    );
    const oldest = this.#byText.keys().next();
    if (this.#byText.size >= MAX_TEXTS && !oldest.done) this.#byText.delete(oldest.value);
    this.#byText.set(sql, types);
    return types;
  }

  forget(): void {
    this.#byText.clear();
  }
}

/** Queries on one executor, as Prisma has them. */
abstract class Queries {
  readonly provider = 'sqlite';
  readonly adapterName = 'aiosqlite';
  protected readonly types: DeclaredTypes;
  protected readonly timestamps: TimestampFormat;

  constructor(types: DeclaredTypes, timestamps: TimestampFormat) {
    this.types = types;
    this.timestamps = timestamps;
  }

  protected abstract readonly executor: Executor;

  protected abstract describe(sql: string): Promise<StatementDescription>;

  async queryRaw({ sql, args, argTypes }: SqlQuery): Promise<SqlResultSet> {
    const { rows, columns, lastInsertRowid } = await this.#make(sql, () =>
      this.executor.query(sql, this.#params(args, argTypes), { rowMode: 'array' }),
    );
    const declared = rows.length === 0 ? [] : await this.types.of(sql, (text) => this.describe(text));
    const types = columnTypes(columns, declared, rows);
    const lastInsertId = Number(lastInsertRowid) === 0 ? {} : { lastInsertId: String(lastInsertRowid) };
    return { columnNames: columns, columnTypes: types, rows: rows.map((row) => mapRow(row, types)), ...lastInsertId };
  }

  async executeRaw({ sql, args, argTypes }: SqlQuery): Promise<number> {
    return (await this.#make(sql, () => this.executor.run(sql, this.#params(args, argTypes)))).changes;
  }

  #params(args: SqlQuery['args'], argTypes: SqlQuery['argTypes']) {
    return args.map((arg, i) => {
      const type = argTypes[i]?.scalarType;
      try {
        return argumentOf(arg, type, this.timestamps);
      } catch {
        throw driverError({ kind: 'InvalidInputValue', message: `args[${i}] is no ${type}` });
      }
    });
  }

  async #make<T>(sql: string, call: () => Promise<T>): Promise<T> {
    if (CHANGES_SCHEMA.test(sql)) this.types.forget();
    try {
      return await call();
    } catch (error) {
      throw prismaError(error);
    }
  }
}

/** A pool or connection, as Prisma has it between `$connect()` and `$disconnect()`. */
export class PrismaDatabase extends Queries implements SqlDriverAdapter {
  protected readonly executor: Pool | Connection;
  readonly #close: () => Promise<void>;

  constructor(database: Pool | Connection, close: () => Promise<void>, timestamps: TimestampFormat) {
    super(new DeclaredTypes(), timestamps);
    this.executor = database;
    this.#close = close;
  }

  getConnectionInfo(): ConnectionInfo {
    return { maxBindValues: MAX_BIND_VALUES, supportsRelationJoins: false };
  }

  /** Several statements. A pool refuses PRAGMAs that set, so that they have a connection of their own. */
  async executeScript(script: string): Promise<void> {
    this.types.forget();
    const { executor } = this;
    try {
      await ('withConnection' in executor ? executor.withConnection((db) => db.exec(script)) : executor.exec(script));
    } catch (error) {
      throw prismaError(error);
    }
  }

  async startTransaction(isolationLevel?: IsolationLevel): Promise<PrismaTransaction> {
    if (isolationLevel !== undefined && isolationLevel !== 'SERIALIZABLE') {
      throw driverError({ kind: 'InvalidIsolationLevel', level: isolationLevel });
    }
    const open = new OpenTransactions();
    try {
      await open.begin(this.executor);
    } catch (error) {
      throw prismaError(error);
    }
    return new PrismaOpenTransaction(open, this.types, this.timestamps);
  }

  async dispose(): Promise<void> {
    await this.#close();
  }

  protected describe(sql: string): Promise<StatementDescription> {
    const { executor } = this;
    if (!('withConnection' in executor)) return executor.describe(sql);
    return executor.withConnection((db) => db.describe(sql), { role: 'reader' });
  }
}

class PrismaOpenTransaction extends Queries implements PrismaTransaction {
  /** BEGIN, COMMIT and ROLLBACK are calls of this package, so that Prisma need not send them. */
  readonly options: TransactionOptions = { usePhantomQuery: true };
  readonly #open: OpenTransactions;
  /** The outermost transaction: after its end it says that it is closed. */
  readonly #outermost;

  constructor(open: OpenTransactions, types: DeclaredTypes, timestamps: TimestampFormat) {
    super(types, timestamps);
    this.#open = open;
    this.#outermost = open.innermost;
  }

  protected get executor(): NonNullable<OpenTransactions['innermost']> {
    const executor = this.#open.innermost ?? this.#outermost;
    return executor as NonNullable<OpenTransactions['innermost']>;
  }

  protected describe(sql: string): Promise<StatementDescription> {
    return this.executor.describe(sql);
  }

  async commit(): Promise<void> {
    await this.#open.commit().catch(rethrow);
  }

  async rollback(): Promise<void> {
    this.types.forget(); // of tables that are gone
    await this.#open.rollback();
  }

  async createSavepoint(name: string): Promise<void> {
    await this.#open.savepoint(name).catch(rethrow);
  }

  async rollbackToSavepoint(name: string): Promise<void> {
    await this.#open.rollbackTo(name).catch(rethrow);
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#open.release(name).catch(rethrow);
  }
}

function rethrow(error: unknown): never {
  throw prismaError(error);
}

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Driver, TransactionSettings } from 'kysely';
import { AiosqliteError, type Executor } from '../index.js';
import { KyselyConnection } from './connection.js';

interface Inside {
  readonly executor: Executor;
  readonly connection: KyselyConnection;
  readonly parent: Inside | undefined;
}

/** In the callback of `db.transaction()`: what it must not wait for. */
const insides = new AsyncLocalStorage<Inside | undefined>();

export class AiosqliteDriver implements Driver {
  readonly #executor: Executor;
  readonly #close: () => Promise<void>;

  constructor(executor: Executor, close: () => Promise<void>) {
    this.#executor = executor;
    this.#close = close;
  }

  /** The pool opens at the first query. */
  async init(): Promise<void> {}

  async acquireConnection(): Promise<KyselyConnection> {
    for (let inside = insides.getStore(); inside !== undefined; inside = inside.parent) {
      if (inside.executor === this.#executor && inside.connection.inTransaction) {
        throw new AiosqliteError(
          'ERR_NESTED_ACQUIRE',
          'this query would wait for the transaction that it is made in: use the object that its function was given',
        );
      }
    }
    return new KyselyConnection(this.#executor);
  }

  async beginTransaction(connection: KyselyConnection, settings: TransactionSettings): Promise<void> {
    // Before the first await, so that it holds for the function that awaits this: the one that then calls the callback.
    insides.enterWith({ executor: this.#executor, connection, parent: insides.getStore() });
    await connection.act('begin', () => connection.begin(settings.accessMode === 'read only'));
  }

  async commitTransaction(connection: KyselyConnection): Promise<void> {
    await connection.act('commit', () => connection.commit());
  }

  async rollbackTransaction(connection: KyselyConnection): Promise<void> {
    await connection.act('rollback', () => connection.rollback());
  }

  async savepoint(connection: KyselyConnection, name: string): Promise<void> {
    await connection.act(`savepoint ${quoted(name)}`, () => connection.savepoint(name));
  }

  async rollbackToSavepoint(connection: KyselyConnection, name: string): Promise<void> {
    await connection.act(`rollback to ${quoted(name)}`, () => connection.rollbackTo(name));
  }

  async releaseSavepoint(connection: KyselyConnection, name: string): Promise<void> {
    await connection.act(`release ${quoted(name)}`, () => connection.releaseSavepoint(name));
  }

  async releaseConnection(connection: KyselyConnection): Promise<void> {
    await connection.release();
  }

  async destroy(): Promise<void> {
    await this.#close();
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

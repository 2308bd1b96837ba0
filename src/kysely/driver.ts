import type { Driver, TransactionSettings } from 'kysely';
import type { Executor } from '../index.js';
import { OpenTransactions } from '../source/open-transaction.js';
import { KyselyConnection } from './connection.js';

export class AiosqliteDriver implements Driver {
  readonly #executor: Executor;
  readonly #close: () => Promise<void>;
  #stopFollowing = () => {};

  constructor(executor: Executor, close: () => Promise<void>) {
    this.#executor = executor;
    this.#close = close;
  }

  /** The pool opens at the first query. */
  async init(): Promise<void> {
    this.#stopFollowing = OpenTransactions.followCallers();
  }

  async acquireConnection(): Promise<KyselyConnection> {
    return new KyselyConnection(this.#executor);
  }

  async beginTransaction(connection: KyselyConnection, settings: TransactionSettings): Promise<void> {
    connection.holdFromHere(); // the function that awaits this then calls the callback
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
    this.#stopFollowing();
    this.#stopFollowing = () => {};
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

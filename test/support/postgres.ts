import { PostgresSessionStore, type PostgresSessionStoreOptions } from 'aiosqlite/postgres';
import pg from 'pg';
import { afterEach, describe, inject } from 'vitest';
import type { Address } from '../../scripts/postgres.mjs';
import { serverIn } from './postgres-server.js';

/** The part of `pg` that the tests use. */
interface Client {
  query(text: string | object, values?: unknown[]): Promise<{ rows: any[] }>;
  release(destroy?: boolean): void;
}
export interface TestPool {
  query(text: string | object, values?: unknown[]): Promise<{ rows: any[] }>;
  connect(): Promise<Client>;
  end(): Promise<void>;
  on(event: string, listener: (...args: any[]) => void): void;
  readonly totalCount: number;
}

const { address, failure } = await serverIn(inject('postgresFolder'));
// On a developer's machine the tests are skipped, by name and counted. CI has a server, or fails.
if (address === undefined && process.env.CI === 'true') throw new Error(`no PostgreSQL server: ${failure}`);
if (address === undefined) console.warn(`Tests on PostgreSQL are skipped: ${failure}`);

/** `describe` for tests that need a PostgreSQL server. */
export const describePostgres = describe.skipIf(address === undefined);

/** Address of the server of this run. */
export const server = address as Address;

/** The same as a URL. */
export const serverUrl = (database = server.database) =>
  `postgres://${server.user}@/${database}?host=${encodeURIComponent(server.host)}&port=${server.port}`;

/**
 * A pool whose connection breaks at a statement, once: before the server gets it, or after the server has executed it.
 */
export function breaking(pool: TestPool, statement: RegExp, when: 'before' | 'after'): any {
  let breaks = true;
  return {
    query: pool.query.bind(pool),
    async connect() {
      const client: any = await pool.connect();
      return {
        on: client.on.bind(client),
        removeListener: client.removeListener.bind(client),
        release: client.release.bind(client),
        async query(config: { text: string }) {
          if (!breaks || !statement.test(config.text)) return await client.query(config);
          breaks = false;
          if (when === 'after') await client.query(config);
          client.connection.stream.destroy();
          return await client.query(config);
        },
      };
    },
  };
}

/** Divides the tables of a store, which must be empty, into partitions by user, as an administrator may. */
export async function divide(pool: TestPool, schema: string, tables: readonly string[]): Promise<void> {
  for (const name of tables) {
    const table = `"${schema}"."${name}"`;
    await pool.query(`ALTER TABLE ${table} RENAME TO undivided;
      CREATE TABLE ${table} (LIKE "${schema}".undivided INCLUDING ALL) PARTITION BY HASH (user_id);
      DROP TABLE "${schema}".undivided`);
    for (let i = 0; i < 4; i++) {
      await pool.query(
        `CREATE TABLE "${schema}"."${name}_${i}" PARTITION OF ${table} FOR VALUES WITH (MODULUS 4, REMAINDER ${i})`,
      );
    }
  }
}

let schemas = 0;
/** A schema name that no other test uses. */
const newSchema = () => `t${process.pid}_${++schemas}`;

/** Makes a pool of pg's. */
export function makePool(options: object = {}): TestPool {
  const pool: TestPool = new (pg as any).Pool({ ...server, max: 10, ...options });
  pool.on('error', () => {});
  return pool;
}

/** Stores in schemas of their own, and pools, for each test of a file. All are closed, and the schemas dropped. */
export function postgres() {
  const pools: TestPool[] = [];
  const dropped: string[] = [];
  afterEach(async () => {
    if (dropped.length > 0) {
      const pool = makePool({ max: 1 });
      for (const schema of dropped.splice(0)) await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
      pools.push(pool);
    }
    await Promise.all(pools.splice(0).map((pool) => pool.end()));
  });
  const pool = (options: object = {}): TestPool => {
    const made = makePool(options);
    pools.push(made);
    return made;
  };
  return {
    pool,
    schema(): string {
      const schema = newSchema();
      dropped.push(schema);
      return schema;
    },
    /** A store with its tables, in a new schema unless told otherwise. */
    async store(options: PostgresSessionStoreOptions = {}, over = pool()): Promise<PostgresSessionStore> {
      const store = new PostgresSessionStore(over, { schema: this.schema(), ...options });
      await store.createTables();
      return store;
    },
  };
}

import { SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { describePostgres, postgres, serverUrl } from '../../support/postgres.js';
import { contentOf } from './fixtures.js';
import { copyWhole, fillForKills, killCopies } from './kills.js';

/** Tests that kill copies so many times each. */
export function testKills(times: number): void {
  const on = databases();

  async function source(): Promise<{ from: string; content: unknown[] }> {
    const store = new SessionStore(on.pool({ database: on.file('source.db') }));
    await store.createTables();
    await fillForKills(store);
    return { from: on.file('source.db'), content: await contentOf(store) };
  }

  /** Origins in a table of metadata, without the keys of the target. */
  const originsOf = (rows: readonly { value: string }[]) => rows.map(({ value }) => value).sort();
  const ORIGINS = "SELECT value FROM adk_metadata WHERE key LIKE 'copied:%'";

  describe(`aiosqlite copy, killed at ${times} random moments`, () => {
    test('ends as one clean run does, from SQLite to SQLite', async () => {
      const { from, content } = await source();
      const argsOf = (target: string | number) => ['--from', from, '--to', on.file(`target-${target}.db`), '--verify'];
      const open = async (target: string | number) => {
        const pool = on.pool({ database: on.file(`target-${target}.db`) });
        return { store: new SessionStore(pool), origins: originsOf(await pool.all<{ value: string }>(ORIGINS)) };
      };
      const wholeMs = await copyWhole(argsOf('clean'));
      const { origins } = await open('clean');
      const { killed } = await killCopies(times, wholeMs, argsOf, async (target) => {
        const opened = await open(target);
        expect(await contentOf(opened.store)).toEqual(content);
        expect(opened.origins).toEqual(origins);
      });
      expect(killed).toBe(times);
    });

    describePostgres('with PostgreSQL', () => {
      const at = postgres();

      test('ends as one clean run does, from SQLite to PostgreSQL and from there to SQLite', async () => {
        const { from, content } = await source();
        const schemas = new Map<string | number, string>();
        const schemaOf = (target: string | number) => {
          if (!schemas.has(target)) schemas.set(target, at.schema());
          return schemas.get(target) as string;
        };
        const pool = at.pool();
        const there = (target: string | number) => [
          ...['--from', from, '--to', serverUrl(), '--to-schema', schemaOf(target), '--verify'],
        ];
        const originsIn = async (schema: string) => {
          return originsOf((await pool.query(ORIGINS.replace('adk_metadata', `${schema}.adk_metadata`))).rows);
        };
        const wholeMs = await copyWhole(there('clean'));
        const origins = await originsIn(schemaOf('clean'));
        const killed = await killCopies(times, wholeMs, there, async (target) => {
          const store = await at.store({ schema: schemaOf(target) }, pool);
          expect(await contentOf(store as SessionStore)).toEqual(content);
          expect(await originsIn(schemaOf(target))).toEqual(origins);
        });
        expect(killed.killed).toBe(times);

        const back = (target: string | number) => [
          ...['--from', serverUrl(), '--from-schema', schemaOf('clean'), '--verify'],
          ...['--to', on.file(`back-${target}.db`)],
        ];
        await killCopies(times, await copyWhole(back('clean')), back, async (target) => {
          const store = new SessionStore(on.pool({ database: on.file(`back-${target}.db`) }));
          expect(await contentOf(store)).toEqual(content);
        });
      });
    });
  });
}

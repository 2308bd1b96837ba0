import { sqliteVersion } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from './support/databases.js';

describe('the SQLite that is linked in', () => {
  const db = databases();

  test('is 3.53.4, and says so in SQL too', async () => {
    await using connection = await db.connect({}, ':memory:');
    expect(sqliteVersion).toBe('3.53.4');
    expect(await connection.get('SELECT sqlite_version() AS version')).toEqual({ version: '3.53.4' });
  });
});

import pg from 'pg';

const TABLES = `CREATE TABLE IF NOT EXISTS s (user_id text, app_name text, id text, session_key bigint GENERATED ALWAYS AS IDENTITY,
  state json NOT NULL DEFAULT '{}', update_time timestamptz, last_seq bigint NOT NULL DEFAULT 0, PRIMARY KEY (user_id, app_name, id));
CREATE TABLE IF NOT EXISTS e (user_id text, session_key bigint, seq bigint, id text, invocation_id text, author text, actions json,
  "timestamp" timestamptz, content json, PRIMARY KEY (user_id, session_key, seq), UNIQUE (user_id, session_key, id))`;

/** An append as written by hand over pg: one transaction of four awaited statements, prepared, on a pool of 8. */
export async function openOnPostgres(address) {
  const pool = new pg.Pool({ ...address, max: 8, idleTimeoutMillis: 0 });
  await pool.query(TABLES);
  const update = {
    name: 'update',
    text: `UPDATE s SET last_seq = last_seq + 1, update_time = to_timestamp($4 / 1000.0)
      WHERE user_id = $1 AND app_name = $2 AND id = $3 RETURNING session_key, last_seq`,
  };
  const insert = {
    name: 'insert',
    text: `INSERT INTO e (user_id, session_key, seq, id, invocation_id, author, actions, "timestamp", content)
      VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0), $9)`,
  };
  return {
    async createSession({ appName, userId, sessionId }) {
      await pool.query('INSERT INTO s (user_id, app_name, id) VALUES ($1, $2, $3)', [userId, appName, sessionId]);
      return { id: sessionId, appName, userId };
    },
    async appendEvent({ session: { id, appName, userId }, event }) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const { rows } = await client.query({ ...update, values: [userId, appName, id, event.timestamp] });
        const [{ session_key, last_seq }] = rows;
        const { invocationId, author, actions, timestamp, content } = event;
        const json = [JSON.stringify(actions), timestamp, JSON.stringify(content)];
        const values = [userId, session_key, last_seq, event.id, invocationId, author, ...json];
        await client.query({ ...insert, values });
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
      return event;
    },
    close: () => pool.end(),
  };
}

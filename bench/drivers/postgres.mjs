import pg from 'pg';
import { importOurs } from './shared/package.mjs';

/** The session service on PostgreSQL, over a pool as an application has it. */
export async function openOnPostgres(address, { schema = 'bench', max = 10 } = {}) {
  const { PostgresSessionService } = await importOurs('adk/index');
  const pool = new pg.Pool({ ...address, max, idleTimeoutMillis: 0 });
  const service = new PostgresSessionService(pool, { schema });
  const { close } = service;
  service.close = async () => {
    await close.call(service);
    await pool.end();
  };
  return service;
}

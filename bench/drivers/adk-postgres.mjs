import { DatabaseSessionService } from '@google/adk';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';

/** ADK's own service on PostgreSQL, as shipped, with ten connections. */
export async function openOnPostgres({ host, port, user, database }) {
  const service = new DatabaseSessionService({
    driver: PostgreSqlDriver,
    dbName: database,
    host,
    port,
    user,
    pool: { min: 0, max: 10 },
  });
  await service.init();
  service.close = () => service.orm.close();
  return service;
}

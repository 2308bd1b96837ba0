/** The other process of checks.ts: reads and writes in the given database, and sends the result to its parent. */
import { connect } from '../index.js';

export interface ProbeAnswer {
  /** 'ok', or the code of the error. */
  write: string;
  /** How many rows there are. */
  read: number;
}

async function probe(database: string): Promise<ProbeAnswer> {
  await using db = await connect(database, { busyTimeoutMs: 0, mustExist: true });
  const row = await db.get<{ n: number }>('SELECT count(*) AS n FROM t');
  const write = await db.run("INSERT INTO t VALUES ('from elsewhere')").then(
    () => 'ok',
    (error: { code: string }) => error.code,
  );
  return { write, read: row?.n ?? -1 };
}

probe(process.argv[2] as string).then((answer) => process.send?.(answer, () => process.disconnect()));

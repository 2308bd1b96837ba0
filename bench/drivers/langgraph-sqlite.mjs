import { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite';
import Database from 'better-sqlite3';
import { pragmaScript } from './shared/package.mjs';

/** LangGraph's own SQLite checkpointer, as shipped, with the settings of all drivers. */
export function openCheckpointer(file, { synchronous = 'full' } = {}) {
  const db = new Database(file);
  db.exec(pragmaScript(synchronous));
  const saver = new SqliteSaver(db);
  saver.close = () => db.close();
  return saver;
}

import { checkBytes } from '../arguments.js';
import { warnForgotten } from '../errors.js';
import { orThrow } from '../wire/outcome/failure.js';
import { Policy } from '../wire/protocol.js';
import { MAIN_LANE, type PoolCounters, Queue } from '../wire/queue.js';
import { Worker } from '../wire/worker.js';
import type { Connection } from './api.js';
import { connectionClosed, LaneConnection } from './connection.js';
import { functionsOf } from './features/functions.js';
import { Lane } from './lane.js';
import {
  type CheckedOptions,
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  checkDatabase,
  checkOptions,
  openCall,
} from './options.js';

/** The only user of its worker. */
class OwnConnection extends LaneConnection {
  protected override end(): Promise<void> {
    forgotten.unregister(this);
    this.lane.stop();
    return this.worker.close().finally(() => functionsOf(this.worker, this.integerMode).clear());
  }
}

/**
 * Warns of connections that were collected without close(), and closes them. Holds no reference to their worker: its
 * listeners and functions often refer to the connection.
 */
const forgotten = new FinalizationRegistry<{ heir: Worker; database: string }>(({ heir, database }) => {
  warnForgotten(`A connection to ${database}`);
  void heir.close();
});

/**
 * Opens one connection.
 * @param database a path, ':memory:', a 'file:' URI (sqlite.org/uri.html) or a URL of a file
 * @returns rejects with what SQLite says of the file: `'SQLITE_CANTOPEN'`, `'SQLITE_NOTADB'`, …
 * @example await using db = await connect('app.db');
 */
export async function connect(database: string | URL, options: ConnectionOptions = {}): Promise<Connection> {
  const checked = checkOptions(options, CONNECTION_OPTIONS, '');
  const name = checkDatabase(database);
  const queue = Queue.create(checked.maxPending, checked.maxPendingBytes, newCounters(name, checked));
  const worker = new Worker(queue, 0);
  const outcome = await worker.open(openCall(name, checked, false), MAIN_LANE);
  if (outcome.failure !== undefined) worker.join();
  orThrow(outcome);
  const { integerMode } = checked;
  const lane = new Lane(queue, MAIN_LANE, { name, policy: Policy.none, integerMode, ended: connectionClosed });
  const connection = new OwnConnection(lane, worker, checked);
  forgotten.register(connection, { heir: worker.heir(), database: name }, connection);
  return connection;
}

export function newCounters(database: string, { slowCalls }: CheckedOptions): PoolCounters {
  return { database, slowCalls, commits: 0, groupedWrites: 0, walPages: 0 };
}

/**
 * Opens a database image from memory, as serialize() gives it (an image in WAL mode too).
 * @returns rejects `'SQLITE_NOTADB'` or `'SQLITE_CORRUPT'` for what is none
 * @example const copy = await deserialize(await db.serialize());
 */
export async function deserialize(image: Uint8Array, options: ConnectionOptions = {}): Promise<Connection> {
  checkBytes('image', image);
  const bytes = new Uint8Array(image); // as it is at the moment of the call; slice() of a Buffer copies nothing
  const connection = (await connect(':memory:', options)) as LaneConnection;
  try {
    await connection.load(bytes);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}

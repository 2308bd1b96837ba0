import type { Connection } from '../connection/api.js';
import { LaneConnection } from '../connection/connection.js';
import type { Lane } from '../connection/lane.js';
import type { CheckedOptions } from '../connection/options.js';
import { AiosqliteError } from '../errors.js';
import { Deadline } from '../wire/deadline.js';
import type { Failure } from '../wire/outcome/outcome.js';
import type { Worker } from '../wire/worker.js';

/**
 * Runs onConnect on a new connection, in a lane of its own: until the end of that lane the worker takes calls from there
 * alone. Resolves to the failure, if it rejects or takes too long.
 */
export async function setUp(
  lane: Lane,
  worker: Worker,
  options: CheckedOptions,
  onConnect: (connection: Connection) => Promise<void>,
  timeoutMs: number,
): Promise<Failure | undefined> {
  const connection = new SetUpConnection(lane, worker, options);
  const deadline = new Deadline(undefined, timeoutMs, timedOut);
  try {
    await Promise.race([onConnect(connection), deadline.expired]);
    return undefined;
  } catch (error) {
    if (deadline.hasExpired) lane.abort('ERR_CLOSED', 'onConnect has taken too long');
    return { code: '', message: '', errcode: 0, reason: error === deadline ? deadline.reason() : error };
  } finally {
    deadline.stop();
    void connection.close();
  }
}

function timedOut(): AiosqliteError {
  return new AiosqliteError('ERR_POOL_TIMEOUT', 'onConnect has not ended within acquireTimeoutMs');
}

/** The connection before any other call. The functions and listeners that it is given stay as long as its worker. */
class SetUpConnection extends LaneConnection {
  protected override stopListening(): void {}
}

import type { Connection } from '../connection/api.js';
import { LaneConnection } from '../connection/connection.js';
import type { Lane } from '../connection/lane.js';
import type { CheckedOptions } from '../connection/options.js';
import { AiosqliteError } from '../errors.js';
import type { Failure } from '../wire/outcome.js';
import { Watch } from '../wire/watch.js';

/**
 * Runs onConnect on a new connection, in a lane of its own: until the end of that lane the worker takes calls from there
 * alone. Resolves to the failure, if it rejects or takes too long.
 */
export async function setUp(
  lane: Lane,
  options: CheckedOptions,
  onConnect: (connection: Connection) => Promise<void>,
  timeoutMs: number,
): Promise<Failure | undefined> {
  const connection = new SetUpConnection(lane, lane.queue, options);
  const watch = new Watch(undefined, timeoutMs, timedOut);
  try {
    await Promise.race([onConnect(connection), watch.expired]);
    return undefined;
  } catch (error) {
    if (watch.hasExpired) lane.abort('ERR_CLOSED', 'onConnect has taken too long');
    return { code: '', message: '', errcode: 0, reason: error === watch ? watch.reason() : error };
  } finally {
    watch.stop();
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

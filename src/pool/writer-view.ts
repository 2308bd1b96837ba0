import { LaneConnection } from '../connection/connection.js';
import type { CheckedOptions } from '../connection/options.js';
import { AiosqliteError } from '../errors.js';
import type { CallOptions, Query } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import { MAIN_LANE, type Port } from '../wire/port.js';
import { Policy, type Request } from '../wire/protocol.js';

export function closed(): AiosqliteError {
  return new AiosqliteError('ERR_CLOSED', 'the pool is closed');
}

/** The writer of a pool, for a job of the pool's own; it ends with the pool. */
export class WriterView extends LaneConnection {
  readonly #hasEnded: () => boolean;

  constructor(database: string, options: CheckedOptions, port: Port, hasEnded: () => boolean) {
    super(database, options, port, MAIN_LANE, Policy.none);
    this.#hasEnded = hasEnded;
  }

  protected override submit(
    request: Request,
    sql: string | readonly Query[],
    options: CallOptions | undefined,
  ): Promise<Outcome> {
    // The order to close is before it in the line: nobody would be left to answer.
    if (this.#hasEnded()) throw closed();
    return super.submit(request, sql, options);
  }

  protected override get hasEnded(): boolean {
    return this.#hasEnded();
  }

  protected async end(): Promise<void> {}
}

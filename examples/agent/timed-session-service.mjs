import { SqliteSessionService } from 'aiosqlite/adk';

/** The session service as it is, with a stop-watch around every append. */
export class TimedSessionService extends SqliteSessionService {
  /** How long each append took, in milliseconds. */
  appendTimes = /** @type {number[]} */ ([]);

  /**
   * @override
   * @param {import('@google/adk').AppendEventRequest} request
   */
  async appendEvent(request) {
    const start = performance.now();
    const event = await super.appendEvent(request);
    this.appendTimes.push(performance.now() - start);
    return event;
  }
}

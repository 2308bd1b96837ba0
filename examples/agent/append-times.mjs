/**
 * Puts a stop-watch around every append of a session service. The array that it returns grows: a duration for each, in
 * milliseconds.
 *
 * @param {import('aiosqlite/adk').SqliteSessionService} service
 * @returns {number[]}
 */
export function timeAppends(service) {
  /** @type {number[]} */
  const times = [];
  const append = service.appendEvent.bind(service);
  service.appendEvent = async (request) => {
    const start = performance.now();
    const event = await append(request);
    times.push(performance.now() - start);
    return event;
  };
  return times;
}

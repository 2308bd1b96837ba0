/** As milliseconds, a time below this one would lie before March 1973. */
const SECONDS_BELOW = 1e11;

/** Whole milliseconds of a time since the Unix epoch: ADK for JavaScript writes milliseconds, adk-python seconds. */
export const epochMillis = (time: number): number => (time < SECONDS_BELOW ? Math.round(time * 1_000) : time);

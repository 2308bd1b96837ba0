import { toSqlite3Error } from './errors.js';

let isVerbose = false;

/** Lets errors of later calls name the place of the call. */
export function setVerbose(): void {
  isVerbose = true;
}

/** Adds the place of the call that is being made to the stack of its error, if {@link setVerbose} was called. */
export function traced<T>(sent: Promise<T>, sql: string): Promise<T> {
  if (!isVerbose) return sent;
  const { stack = '' } = new Error();
  const callers = stack
    .split('\n')
    .slice(1)
    .filter((line) => !line.includes(__dirname));
  return sent.catch((reason: unknown) => {
    const error = toSqlite3Error(reason);
    error.stack += `\n--> in ${sql}\n${callers.join('\n')}`;
    throw error;
  });
}

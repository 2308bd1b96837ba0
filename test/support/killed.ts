import { start } from './child.js';

/**
 * Kills a script that says `stored N;` after each round N, once it has said so for round `after`. Resolves to the last round
 * that it said is stored.
 */
export async function killedAfter(script: URL, args: (string | number)[], after: number): Promise<number> {
  await using writer = start(script, args);
  await writer.said(`stored ${after};`);
  writer.kill('SIGKILL');
  const { stdout } = await writer.ended;
  return Number([...stdout.matchAll(/stored (\d+);/g)].at(-1)?.[1]);
}

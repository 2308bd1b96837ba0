/** Appends to one transcript until it is killed or done: FILE NAME ROUNDS. Says each round once it is stored. */
import { SqliteSessionStore } from 'aiosqlite/claude-agent';

const [file = '', name, rounds] = process.argv.slice(2);
/** Counts entries: a summary that any process can add to. @type {import('aiosqlite/claude-agent').FoldSessionSummary} */
const foldSessionSummary = (previous, { sessionId }, entries, { mtime }) => ({
  sessionId,
  mtime,
  data: { entries: Number(previous?.data.entries ?? 0) + entries.length },
});
const store = new SqliteSessionStore(file, { foldSessionSummary });
const key = { projectKey: 'p', sessionId: 's' };
console.log('ready');

for (let round = 0; round < Number(rounds); round++) {
  // Every process appends the common entries: each is kept once.
  await store.append(key, [
    { type: 'user', uuid: `common ${round}` },
    { type: 'user', uuid: `${name} ${round} a` },
    { type: 'mode', by: name, round },
  ]);
  console.log(`stored ${round};`);
}
await store.close();

/** Writes to one session until it is killed or done: FILE NAME ROUNDS. Says each round once it is stored. */
import { SqliteSession } from 'aiosqlite/openai-agents';

const [file = '', name, rounds] = process.argv.slice(2);
const session = new SqliteSession(file, { sessionId: 'shared' });
/** @type {(content: string) => import('@openai/agents-core').AgentInputItem} */
const said = (content) => ({ type: 'message', role: 'user', content });
console.log('ready');

for (let round = 0; round < Number(rounds); round++) {
  // Every process tries the same operations: each is applied once.
  /** @type {import('@openai/agents-core').SessionHistoryTransaction} */
  const transaction = { type: 'append_items', items: [said(`common ${round}`), said(`common ${round} too`)] };
  await session.applyHistoryTransaction({ operationId: `common ${round}`, transaction });
  await session.addItems([said(`${name} ${round} a`), said(`${name} ${round} b`)]);
  console.log(`stored ${round};`);
}
await session.close();

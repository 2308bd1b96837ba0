import { HumanMessage } from '@langchain/core/messages';
import { Command } from '@langchain/langgraph';
import { createPool } from 'aiosqlite';
import { SqliteSaver, SqliteStore } from 'aiosqlite/langgraph';
import { builder } from './graph.mjs';

const [command, subject = '', text = ''] = process.argv.slice(2);
const pool = createPool(process.env.DATABASE ?? 'desk.db');
const store = new SqliteStore(pool);
const graph = builder.compile({ checkpointer: new SqliteSaver(pool), store });
const config = { configurable: { thread_id: subject } };

/** The last message, or the question that waits for a person. */
async function report() {
  const { values, tasks } = await graph.getState(config);
  const question = tasks.flatMap(({ interrupts }) => interrupts)[0]?.value;
  console.log(question ?? values.messages?.at(-1)?.text ?? 'No such customer.');
}

const commands = {
  async ask() {
    await graph.invoke({ customer: subject, messages: [new HumanMessage(text)] }, config);
    await report();
  },
  async decide() {
    await graph.invoke(new Command({ resume: text }), config);
    await report();
  },
  /** Back to the last question, and another answer. Earlier answers stay in the history. */
  async redo() {
    for await (const { next, config: past } of graph.getStateHistory(config)) {
      if (next[0] !== 'approve') continue;
      await graph.invoke(null, past);
      break;
    }
    await commands.decide();
  },
  async history() {
    for await (const { next, values, createdAt } of graph.getStateHistory(config)) {
      console.log(createdAt, next[0] ?? 'end', values.messages?.at(-1)?.text ?? '');
    }
  },
  async find() {
    for (const { namespace, value } of await store.search(['customers'], { query: subject })) {
      console.log(namespace[1], value.request, value.paid ? 'paid' : 'refused');
    }
  },
};

const run = commands[command ?? ''];
if (run === undefined)
  console.error('ask CUSTOMER TEXT | decide CUSTOMER ANSWER | redo CUSTOMER ANSWER | history CUSTOMER | find TEXT');
else await run();
await pool.close();
process.exitCode = run === undefined ? 2 : 0;

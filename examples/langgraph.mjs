// A LangGraph graph on one file: it waits for a person, goes on after a restart, travels in time and forks; a store beside it
// remembers. `node examples/langgraph.mjs [FILE]`
import { Annotation, Command, interrupt, START, StateGraph } from '@langchain/langgraph';
import { createPool } from 'aiosqlite';
import { SqliteSaver, SqliteStore } from 'aiosqlite/langgraph';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const config = { configurable: { thread_id: 'refund-7' } };

/** @param {string[]} steps @param {string[]} more */
const append = (steps, more) => [...steps, ...more];
const State = Annotation.Root({
  amount: Annotation(),
  steps: Annotation({ reducer: append, default: () => /** @type {string[]} */ ([]) }),
});
const builder = new StateGraph(State)
  .addNode('check', ({ amount }) => ({ steps: [`checked ${amount}`] }))
  .addNode('approve', ({ amount }) => ({ steps: [`approved: ${interrupt(`Refund ${amount}?`)}`] }))
  .addNode('pay', async ({ amount }, { store }) => {
    await store?.put(['refunds'], 'refund-7', { text: `Paid ${amount} back for a broken teapot` });
    return { steps: ['paid'] };
  })
  .addEdge(START, 'check')
  .addEdge('check', 'approve')
  .addEdge('approve', 'pay');

/** A pool with checkpointer and store: a process has one. */
function open() {
  const pool = createPool(file);
  const store = new SqliteStore(pool);
  return { pool, store, graph: builder.compile({ checkpointer: new SqliteSaver(pool), store }) };
}

const first = open();
await first.graph.invoke({ amount: 30 }, config);
console.log('waits for:', (await first.graph.getState(config)).tasks[0]?.interrupts[0]?.value);
await first.pool.close(); // the process ends here

const { pool, store, graph } = open();
console.log('after a restart:', (await graph.getState(config)).next);
const { steps } = await graph.invoke(new Command({ resume: 'yes' }), config);
console.log('went on:', steps.join(', '));
console.log(
  'remembered:',
  (await store.search(['refunds'], { query: 'teapots' })).map(({ value }) => value.text),
);

// Back to the question, and another answer.
/** @type {import('@langchain/core/runnables').RunnableConfig} */
let question = config;
for await (const state of graph.getStateHistory(config)) if (state.next[0] === 'approve') question = state.config;
await graph.invoke(null, question);
const again = await graph.invoke(new Command({ resume: 'on second thought, yes' }), config);
console.log('time travel:', again.steps.join(', '));

// The same question about another amount: a fork.
const fork = await graph.updateState(question, { amount: 10 });
await graph.invoke(null, fork);
const forked = await graph.invoke(new Command({ resume: 'gladly' }), config);
console.log('fork:', forked.amount, forked.steps.join(', '));

await pool.close();
cleanUp();

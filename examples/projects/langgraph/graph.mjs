import { AIMessage } from '@langchain/core/messages';
import { Annotation, interrupt, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph';

/** Refunds above it need a person. */
const LIMIT = 100;

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  customer: Annotation(),
  amount: Annotation(),
  decision: Annotation(),
});

/** A model would read the request here. */
function understand({ messages }) {
  const [amount] = /\d+/.exec(messages.at(-1)?.text ?? '') ?? [];
  return { amount: Number(amount ?? 0), decision: 'yes' };
}

/** Stops the graph until a person has answered, in this process or another. */
function approve({ customer, amount }) {
  return { decision: interrupt(`Send ${customer} ${amount} euros?`) };
}

/** @param {typeof State.State} state @param {{ store?: import('@langchain/langgraph').BaseStore }} runtime */
async function answer({ messages, customer, amount, decision }, { store }) {
  const paid = decision === 'yes';
  const request = messages.at(-1)?.text;
  await store?.put(['customers', String(customer)], new Date().toISOString(), { request, amount, paid });
  const text = paid ? `${amount} euros are on their way.` : 'We are sorry, this is not possible.';
  return { messages: [new AIMessage(text)] };
}

export const builder = new StateGraph(State)
  .addNode('understand', understand)
  .addNode('approve', approve)
  .addNode('answer', answer)
  .addEdge(START, 'understand')
  .addConditionalEdges('understand', ({ amount }) => (Number(amount) > LIMIT ? 'approve' : 'answer'))
  .addEdge('approve', 'answer');

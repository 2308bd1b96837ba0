import { BaseLlm } from '@google/adk';

/** Replaces a model: answers "order TEA", "receipt" and "remember WORDS". */
export class ScriptedClerk extends BaseLlm {
  /** @param {any} request */
  async *generateContentAsync({ contents }) {
    yield { content: { role: 'model', parts: [this.#answer(contents.at(-1)?.parts?.[0] ?? {})] } };
  }

  /** @param {any} part */
  #answer({ text = '', functionResponse }) {
    if (functionResponse) return { text: this.#say(functionResponse) };
    const [, command, argument] = /^(order|receipt|remember)\b\s*(.*)$/i.exec(text.trim()) ?? [];
    if (command === 'order') return { functionCall: { name: 'order', args: { tea: argument } } };
    if (command === 'receipt') return { functionCall: { name: 'receipt', args: {} } };
    if (command === 'remember') return { functionCall: { name: 'load_memory', args: { query: argument } } };
    return { text: 'Say "order Darjeeling", "receipt", or "remember Darjeeling".' };
  }

  /** @param {any} functionResponse */
  #say({ name, response }) {
    if (name === 'order') return `Your order: ${response.order.join(', ')}`;
    if (name === 'receipt') return `Receipt ${response.version + 1} is in ${response.file}`;
    const { memories } = response;
    return memories.length === 0 ? 'I remember nothing of it.' : `You said: ${memories[0].content}`;
  }

  /** @returns {never} */
  connect() {
    throw new Error('this model has no live connection');
  }
}

import { BaseLlm } from '@google/adk';

/**
 * A model that answers from a script: no network, no key, the same answer every time. ADK can't tell it from a real
 * one: it gets the same request (the history, the instruction with the state filled in) and yields the same responses,
 * in streaming mode word by word.
 *
 * @typedef {object} View what a script gets to see of a request
 * @property {string} said what the user has said last
 * @property {string[]} history everything that the user has said, oldest first
 * @property {string} instruction
 * @property {Record<string, any>} results what the tools have answered since, by the name of the tool
 *
 * @typedef {{ call: string, args: Record<string, unknown> } | { text: string }} Reply
 */
export class ScriptedLlm extends BaseLlm {
  #script;

  /**
   * @param {string} name
   * @param {(view: View) => Reply} script
   */
  constructor(name, script) {
    super({ model: `scripted-${name}` });
    this.#script = script;
  }

  /**
   * @override
   * @param {import('@google/adk').LlmRequest} request
   * @param {boolean} [stream]
   */
  async *generateContentAsync(request, stream = false) {
    const reply = this.#script(viewOf(request));
    if ('call' in reply) {
      yield responseOf({ functionCall: { name: reply.call, args: reply.args } });
      return;
    }
    if (stream) {
      for (const word of reply.text.match(/\S+\s*/g) ?? []) {
        await new Promise((resolve) => setTimeout(resolve, 2)); // as if it had to think
        yield { ...responseOf({ text: word }), partial: true };
      }
    }
    yield responseOf({ text: reply.text });
  }

  /**
   * @override
   * @returns {Promise<never>}
   */
  async connect() {
    throw new Error('a script has no live mode');
  }
}

/** @param {{ text: string } | { functionCall: { name: string, args: Record<string, unknown> } }} part */
const responseOf = (part) => ({ content: { role: 'model', parts: [part] } });

/**
 * @param {import('@google/adk').LlmRequest} request
 * @returns {View}
 */
function viewOf(request) {
  /** @type {string[]} */
  const history = [];
  /** @type {Record<string, any>} */
  let results = {};
  for (const { role, parts = [] } of request.contents) {
    const [first] = parts;
    // ADK passes words of other agents as a user's text that begins so.
    if (role === 'user' && first?.text !== undefined && !first.text.startsWith('For context:')) {
      history.push(first.text);
      results = {};
    }
    for (const { functionResponse } of parts) {
      if (functionResponse?.name) results[functionResponse.name] = functionResponse.response;
    }
  }
  return { said: history.at(-1) ?? '', history, instruction: String(request.config?.systemInstruction ?? ''), results };
}

import { FunctionTool, Gemini, LlmAgent, LOAD_MEMORY } from '@google/adk';
import { ScriptedClerk } from '../model/scripted-clerk.mjs';

/** Session state: what this customer has ordered. */
const order = new FunctionTool({
  name: 'order',
  description: 'Puts a tea into the order. Argument: tea.',
  execute: async (/** @type {any} */ { tea }, context) => {
    const teas = [...(context?.state.get('order', []) ?? []), tea];
    context?.state.set('order', teas);
    return { order: teas };
  },
});

/** An artifact: every receipt is a new version of receipts/latest.txt. */
const receipt = new FunctionTool({
  name: 'receipt',
  description: 'Writes a receipt for the order.',
  execute: async (_, context) => {
    const teas = context?.state.get('order', []) ?? [];
    const version = await context?.saveArtifact('receipts/latest.txt', { text: `${teas.join('\n')}\n` });
    return { file: 'receipts/latest.txt', version };
  },
});

export const rootAgent = new LlmAgent({
  name: 'clerk',
  description: 'A clerk in a tea shop.',
  instruction: 'You sell tea. Use load_memory for what the customer has said before.',
  // Without a key a script answers, so that the project runs at once.
  model: process.env.GEMINI_API_KEY
    ? new Gemini({ model: 'gemini-2.5-flash' })
    : new ScriptedClerk({ model: 'scripted' }),
  tools: [order, receipt, LOAD_MEMORY],
});

import { LlmAgent, LOAD_MEMORY } from '@google/adk';
import { ScriptedLlm } from './scripted-llm.mjs';

/** Writes a postcard about what was said in other sessions: ADK's tool `load_memory` asks the memory service. */
export function createPostcardAgent() {
  return new LlmAgent({
    name: 'postcard',
    description: 'Writes a postcard.',
    tools: [LOAD_MEMORY],
    model: new ScriptedLlm('postcard', ({ said, results }) => {
      if (!results.load_memory) return { call: 'load_memory', args: { query: said } };
      /** @type {{ author: string, content: string }[]} */
      const memories = results.load_memory.memories;
      const city = /in (\w+)\.$/.exec(said)?.[1];
      const weather = memories.map(({ content }) => RegExp(`In ${city} it is [^;]+`).exec(content)?.[0]).find(Boolean);
      return { text: `${memories.length} memories. Dear all, ${weather ?? 'I forgot'}. Wish you were here.` };
    }),
  });
}

export const postcardWish = 'Write a postcard about the weather in Lisbon.';

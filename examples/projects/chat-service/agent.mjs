import { BaseLlm, LlmAgent } from '@google/adk';

/** Replaces a model where there is no key: answers word by word, and knows how often it was asked. */
class Parrot extends BaseLlm {
  /** @override */
  async *generateContentAsync({ contents }, stream = false) {
    const said = contents.filter(({ role }) => role === 'user').map(({ parts }) => parts?.[0]?.text ?? '');
    const text = `You have said ${said.length} things, the last was: ${said.at(-1)}`;
    for (const word of stream ? (text.match(/\S+\s*/g) ?? []) : []) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // as if it had to think
      yield { content: { role: 'model', parts: [{ text: word }] }, partial: true };
    }
    yield { content: { role: 'model', parts: [{ text }] } };
  }

  /** @override */
  connect() {
    return Promise.reject(new Error('a parrot has no live mode'));
  }
}

export const agent = new LlmAgent({
  name: 'assistant',
  model: process.env.GEMINI_API_KEY ? 'gemini-2.5-flash' : new Parrot({ model: 'parrot' }),
  instruction: 'You are a friendly assistant. Answer in one sentence.',
});

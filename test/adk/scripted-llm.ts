import { BaseLlm } from '@google/adk';

/** Answers what the script says, after a moment that differs each time. */
export class ScriptedLlm extends BaseLlm {
  readonly #answer: (request: any) => any[];

  constructor(answer: (request: any) => any[]) {
    super({ model: 'scripted' });
    this.#answer = answer;
  }

  override async *generateContentAsync(request: any) {
    for (const { partial, ...part } of this.#answer(request)) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      yield { content: { role: 'model', parts: [part] }, ...(partial ? { partial } : {}) };
    }
  }

  override connect(): never {
    throw new Error('not here');
  }
}

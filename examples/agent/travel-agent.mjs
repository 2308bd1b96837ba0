import { FunctionTool, LlmAgent, ParallelAgent, SequentialAgent } from '@google/adk';
import { ScriptedLlm } from './scripted-llm.mjs';

/**
 * A small travel agency: a concierge notes what the guest wants, two experts look it up at the same time, a writer
 * answers. They talk to each other through the state, which the session service keeps.
 */

/** @type {Record<string, { weather: string, sights: string }>} */
const CITIES = {
  Lisbon: { weather: '24 °C and sunny', sights: 'Belém Tower and the Alfama' },
  Porto: { weather: '19 °C and cloudy', sights: 'the Ribeira and the Livraria Lello' },
  Madrid: { weather: '28 °C and dry', sights: 'the Prado and the Retiro' },
};
const CITY = new RegExp(Object.keys(CITIES).join('|'), 'g');

/**
 * Remembers in all four scopes. A tool's changes travel in `actions.stateDelta` of the event that carries its answer.
 *
 * | prefix  | who sees it                             |
 * |---------|-----------------------------------------|
 * | `app:`  | every session of the app                |
 * | `user:` | every session of the user               |
 * | `temp:` | this invocation alone; it is not stored |
 * | none    | this session                            |
 */
const noteWishes = new FunctionTool({
  name: 'note_wishes',
  description: 'Remembers who the guest is and which city it is about.',
  parameters: /** @type {any} */ ({
    type: 'OBJECT',
    properties: { name: { type: 'STRING' }, city: { type: 'STRING' }, returning: { type: 'BOOLEAN' } },
  }),
  execute: async (/** @type {any} */ { name, city, returning }, toolContext) => {
    const context = /** @type {import('@google/adk').Context} */ (toolContext);
    const { state } = context;
    const countUp = (/** @type {string} */ counter) => state.set(counter, Number(state.get(counter) ?? 0) + 1);
    countUp('app:questions');
    countUp('turns');
    if (name) state.set('user:name', name);
    if (city) state.set('city', city);
    const known = state.get('user:name', 'stranger');
    state.set('temp:greeting', `${returning ? 'Welcome back' : name ? 'Welcome' : 'Gladly'}, ${known}.`);
    // The artifact service keeps every version; the event that carries this tool's answer names the new one.
    await context.saveArtifact('wishes.txt', { text: `${known} wants to see ${state.get('city')}.` });
    return { name: known, city: state.get('city'), turn: state.get('turns') };
  },
});

const createConcierge = () =>
  new LlmAgent({
    name: 'concierge',
    description: 'Notes what the guest wants.',
    instruction: 'Note who the guest is and where they want to go.',
    tools: [noteWishes],
    model: new ScriptedLlm('concierge', ({ said, results }) => {
      if (results.note_wishes) return { text: `Noted: ${results.note_wishes.name}, ${results.note_wishes.city}.` };
      const name = /I am ([A-Z]\w+)/.exec(said)?.[1];
      const city = said.match(CITY)?.at(-1);
      return {
        call: 'note_wishes',
        args: { ...(name && { name }), ...(city && { city }), returning: /\bback\b/.test(said) },
      };
    }),
  });

/** @param {'weather' | 'sights'} topic */
function createExpert(topic) {
  const tool = `look_up_${topic}`;
  return new LlmAgent({
    name: `${topic}_expert`,
    description: `Knows the ${topic} of cities.`,
    // ADK fills in what the state holds, before the model sees it.
    instruction: 'The city is {city?}.',
    outputKey: topic, // the answer becomes a key of the session state
    tools: [
      new FunctionTool({
        name: tool,
        description: `Looks up the ${topic} of a city.`,
        parameters: /** @type {any} */ ({ type: 'OBJECT', properties: { city: { type: 'STRING' } } }),
        execute: (/** @type {any} */ { city }) => ({ [topic]: CITIES[city]?.[topic] ?? 'unknown' }),
      }),
    ],
    model: new ScriptedLlm(topic, ({ instruction, results }) =>
      results[tool]
        ? { text: String(results[tool][topic]) }
        : { call: tool, args: { city: instruction.match(CITY)?.[0] ?? '' } },
    ),
  });
}

const createWriter = () =>
  new LlmAgent({
    name: 'writer',
    description: 'Answers the guest.',
    instruction: '[{temp:greeting?}] [{turns?}] [{city?}] [{weather?}] [{sights?}]',
    model: new ScriptedLlm('writer', ({ instruction, history }) => {
      const [greeting, turn, city, weather, sights] = [...instruction.matchAll(/\[(.*?)\]/g)].map(([, value]) => value);
      const earlier = new Set(history.slice(0, -1).flatMap((text) => text.match(CITY) ?? []));
      const memory = earlier.size > 0 ? ` Before, you asked about ${[...earlier].join(' and ')}.` : '';
      return { text: `${greeting}${memory} In ${city} it is ${weather}; see ${sights}. That was question ${turn}.` };
    }),
  });

export function createTravelAgent() {
  const experts = new ParallelAgent({ name: 'experts', subAgents: [createExpert('weather'), createExpert('sights')] });
  return new SequentialAgent({ name: 'travel_agency', subAgents: [createConcierge(), experts, createWriter()] });
}

/** Words of the guest in the first run, and in each one after it. */
export const firstVisit = ['Hello, I am Ada. What can I do in Lisbon today?', 'And in Porto?'];
export const laterVisit = [
  'I am back. Do you still know who I am and where I wanted to go?',
  'Then what about Madrid?',
];

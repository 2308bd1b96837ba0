import { camelCase, KEPT_BY_ADK_JS } from '../casing.js';
import type { TablesInput } from '../input.js';
import type { Format } from '../source.js';
import { checkVersion, readAdkTables } from './adk-tables.js';
import { eventData, kindOf } from './event-data.js';

const toCamelCase = camelCase(KEPT_BY_ADK_JS);

/** DatabaseSessionService of ADK for JavaScript, on SQLite or PostgreSQL: times are milliseconds in UTC. */
export const adkJs: Format<TablesInput> = {
  name: 'adk-js',
  kind: 'tables',
  recognizes: async (input) => (await kindOf(input)) === 'adk-js',
  async open(input, options) {
    await checkVersion(input);
    return { timezone: null, items: readAdkTables(input, options, eventData(input, toCamelCase)) };
  },
};

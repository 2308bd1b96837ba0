import { KEPT_BY_ADK_JS } from '../../values/casing.js';
import { eventDataFormat } from '../event-data.js';

/** DatabaseSessionService of ADK for JavaScript, on SQLite or PostgreSQL: times are milliseconds in UTC. */
export const adkJs = eventDataFormat('adk-js', KEPT_BY_ADK_JS);

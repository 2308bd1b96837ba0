// Databases of ADK whose events are JSON in one column.
import { KEPT_BY_ADK_JS, KEPT_BY_ADK_PYTHON } from '../../values/casing.js';
import { eventDataFormat } from '../event-data.js';

/** DatabaseSessionService of ADK for JavaScript, on SQLite or PostgreSQL: times are milliseconds in UTC. */
export const adkJs = eventDataFormat('adk-js', KEPT_BY_ADK_JS);

/** SqliteSessionService of ADK for Python, the file `session.db` in the folder `.adk` of an agent: times are seconds in UTC. */
export const adkPythonSqlite = eventDataFormat('adk-python-sqlite', KEPT_BY_ADK_PYTHON);

/** DatabaseSessionService of ADK for Python since 1.22: events have their times in seconds, those of their columns are local. */
export const adkPythonV1 = eventDataFormat('adk-python-v1', KEPT_BY_ADK_PYTHON);

import { KEPT_BY_ADK_PYTHON } from '../../values/casing.js';
import { eventDataFormat } from '../event-data.js';

/** SqliteSessionService of ADK for Python, the file `session.db` in the folder `.adk` of an agent: times are seconds in UTC. */
export const adkPythonSqlite = eventDataFormat('adk-python-sqlite', KEPT_BY_ADK_PYTHON);

import { KEPT_BY_ADK_PYTHON } from '../../values/casing.js';
import { eventDataFormat } from '../event-data.js';

/** DatabaseSessionService of ADK for Python since 1.22: events have their times in seconds, those of their columns are local. */
export const adkPythonV1 = eventDataFormat('adk-python-v1', KEPT_BY_ADK_PYTHON);

import { type SchemaObject, trigger } from '../ddl.js';

/** The trigger that removes a session's artifacts with the session, by whatever statement or cascade it is deleted. */
export function cascadeToArtifacts(sessions: string, artifacts: string): SchemaObject {
  return trigger(
    sessions,
    `delete_${artifacts}`,
    'DELETE',
    `DELETE FROM "${artifacts}" WHERE app_name = OLD.app_name AND user_id = OLD.user_id AND session_id = OLD.id;`,
  );
}

import { PickleError } from './error.js';
import { readPickle } from './machine.js';
import { Dict, Instance } from './nodes.js';
import { modelOf, Writer } from './text.js';

const EVENT_ACTIONS = 'google.adk.events.event_actions.EventActions';

/**
 * JSON text of an event's actions from the pickle in which adk-python and SQLSpec stored them: fields in camel case,
 * integers with all their digits, without the temporary state that no session keeps. Nothing of a pickle is ever called.
 * Throws {@link PickleError}.
 */
export function actionsOf(pickle: Uint8Array): string {
  const node = readPickle(pickle);
  if (!(node instanceof Instance) || node.global.path !== EVENT_ACTIONS) {
    throw new PickleError({ opcode: 'STOP', offset: pickle.length - 1 }, 'the value is no EventActions');
  }
  forgetTemporary(node);
  return new Writer().write(node);
}

/** Keys `temp:` may have values of any class. ADK versions before 1.5 stored them with the event. */
function forgetTemporary(actions: Instance): void {
  for (const [field, delta] of modelOf(actions)?.fields.entries ?? []) {
    if (field !== 'state_delta' || !(delta instanceof Dict)) continue;
    const kept = delta.entries.filter(([key]) => typeof key !== 'string' || !key.startsWith('temp:'));
    delta.entries = kept;
  }
}

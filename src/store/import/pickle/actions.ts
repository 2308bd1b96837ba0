import { PickleError } from './error.js';
import { readPickle } from './machine.js';
import { Instance } from './nodes.js';
import { Writer } from './text.js';

const EVENT_ACTIONS = 'google.adk.events.event_actions.EventActions';

/**
 * JSON text of an event's actions from the pickle in which adk-python and SQLSpec stored them: fields in camel case,
 * integers with all their digits. Nothing of a pickle is ever called. Throws {@link PickleError}.
 */
export function actionsOf(pickle: Uint8Array): string {
  const node = readPickle(pickle);
  if (!(node instanceof Instance) || node.global.path !== EVENT_ACTIONS) {
    throw new PickleError({ opcode: 'STOP', offset: pickle.length - 1 }, 'the value is no EventActions');
  }
  return new Writer().write(node);
}

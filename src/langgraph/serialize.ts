import { JsonPlusSerializer, type SerializerProtocol } from '@langchain/langgraph-checkpoint';
import { invalidArgument } from '../errors.js';

/** A value as it is stored: text where it is LangGraph's JSON, the bytes of any other serializer. */
export type Dumped = [type: string, value: string | Uint8Array];

/**
 * Serializes a value. LangGraph's own serializer goes through it in JavaScript, three times; V8 alone writes the same JSON for
 * plain data, in a third of the time. Rejects a value that it would lose, by the `name` of the argument.
 */
export function dump(serde: SerializerProtocol, name: string, value: unknown): Dumped | Promise<Dumped> {
  if (serde.constructor !== JsonPlusSerializer) return serde.dumpsTyped(value);
  return isPlain(value, 0) ? ['json', JSON.stringify(value)] : dumpedAsText(serde, name, value);
}

/** Text of LangGraph's serializer in place of a value that holds a bigint or is nested too deep. It reports no error. */
const LOST = '"[unable to serialize, circular reference is too complex to analyze]"';

async function dumpedAsText(serde: SerializerProtocol, name: string, value: unknown): Promise<Dumped> {
  const [type, bytes] = await serde.dumpsTyped(value);
  if (type !== 'json') return [type, bytes];
  const text = new TextDecoder().decode(bytes);
  if (text === LOST) throw invalidArgument(name, 'data that LangGraph can serialize', value);
  return [type, text];
}

/** Keys of objects that LangGraph's serializer writes, reads or calls in a way of its own. */
const OWN_WAY = new Set(['lc', 'lg_name', 'toJSON']);

/** Deeper values may be cycles. */
const DEEPEST = 100;

/** Whether a value consists of what JSON has, and of nothing that a serializer may treat in a way of its own. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null)
    return true;
  if (typeof value !== 'object' || depth > DEEPEST) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key of Object.keys(value)) {
    if (OWN_WAY.has(key) || !isPlain((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

import { encodeJson, JsonError } from '../../codec/json.js';
import { invalidArgument } from '../../errors.js';
import { StoreError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../records.js';

/** A value's JSON text, `undefined` if it has none. Rejects what JSON can't hold with `'ADK_NOT_SERIALIZABLE'`, naming the path. */
export function serialize(value: unknown, name: string): string | undefined {
  try {
    return encodeJson(value, name);
  } catch (error) {
    throw error instanceof JsonError ? new StoreError('ADK_NOT_SERIALIZABLE', error.message, error.cause) : error;
  }
}

/** The JSON text of an object; anything else is a TypeError. */
export function serializeObject(value: unknown, name: string): string {
  const text = serialize(value, name);
  if (text?.[0] !== '{') throw invalidArgument(name, 'an object', value);
  return text;
}

/** The object of a JSON column; for anything else it throws the error that `damaged` makes. */
export function parseObject(json: unknown, damaged: (cause?: unknown) => Error): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(json as string);
  } catch (error) {
    throw damaged(error);
  }
  if (!isJsonObject(value)) throw damaged();
  return value;
}

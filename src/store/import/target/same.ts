import { isJsonObject } from '../../records.js';

/** Whether two values are the same as JSON: fields without a value are none, and their order means nothing. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || (a === 0 && b === 0)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const fields = fieldsOf(a);
  return (
    fields.length === fieldsOf(b).length &&
    fields.every((field) => Object.hasOwn(b, field) && isSame(a[field], b[field]))
  );
}

const fieldsOf = (object: object) =>
  Object.entries(object).flatMap(([field, value]) => (value === undefined ? [] : field));

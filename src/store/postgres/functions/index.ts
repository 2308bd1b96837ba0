import type { Layout } from '../layout.js';
import type { SchemaObject } from '../schema.js';
import { append, appendBatch } from './append.js';
import { change } from './change.js';
import { merge } from './merge.js';
import { create, remove } from './sessions.js';

/**
 * Functions, so that a write is one trip to the server. Each statement of a function sees what was committed before it
 * began: what is read behind the lock of a session's row is as it is. Their names have versions: the functions of two versions
 * of this package can stand beside each other while one replaces the other.
 */
export function functions(layout: Layout): SchemaObject[] {
  return [merge(layout), append(layout), appendBatch(layout), create(layout), remove(layout), change(layout)];
}

import { createHash } from 'node:crypto';
import {
  type GetOperation,
  type IndexConfig,
  InvalidNamespaceError,
  type ListNamespacesOperation,
  type MatchCondition,
  type Operation,
  type PutOperation,
  type SearchOperation,
} from '@langchain/langgraph-checkpoint';
import { checkArray, checkNames, checkObject, checkString, type NamesOf } from '../arguments.js';
import { encodeJson, JsonError } from '../codec/json.js';
import { isWellFormed } from '../codec/well-formed.js';
import { invalidArgument, outOfRange } from '../errors.js';
import { indexText, queryPhrases } from '../store/memory/words.js';
import type { Filter } from './store-filter.js';
import { textsToEmbed, textToIndex } from './store-texts.js';

/** How a {@link SqliteStore} finds items by a query. Without `embeddings`, by their words. */
export type SqliteStoreIndex = Partial<IndexConfig>;

/** Most words of a query that are looked for, as in a memory. */
const MAX_WORDS = 64;

/** Operations as they are run: checked and encoded at the moment of the call. */
export type Step =
  | { kind: 'get'; path: string; key: string }
  | {
      kind: 'put';
      path: string;
      key: string;
      value: string;
      text: string | null;
      scope: string | null;
      toEmbed: string[];
    }
  | { kind: 'delete'; path: string; key: string }
  | { kind: 'search'; path: string; filter: Filter; limit: number; offset: number; query: string | undefined }
  | {
      kind: 'list';
      conditions: readonly MatchCondition[];
      maxDepth: number | undefined;
      limit: number;
      offset: number;
    };

const INDEX: NamesOf<SqliteStoreIndex> = { dims: true, embeddings: true, fields: true };

export function checkIndex(index: SqliteStoreIndex = {}): SqliteStoreIndex & { fields: string[] } {
  checkNames('options.index', index, INDEX);
  const { dims, embeddings, fields = ['$'] } = index;
  const canEmbed = typeof embeddings?.embedDocuments === 'function' && typeof embeddings.embedQuery === 'function';
  if (embeddings !== undefined && !canEmbed) {
    throw invalidArgument('options.index.embeddings', 'an Embeddings of LangChain', embeddings);
  }
  if (dims !== undefined && !(Number.isInteger(dims) && dims > 0)) {
    throw outOfRange('options.index.dims', 'a positive whole number');
  }
  checkPaths('options.index.fields', fields);
  return { ...index, fields };
}

/** Fields of a list of namespaces: any of them tells that it is one. */
const LIST = ['matchConditions', 'maxDepth', 'limit', 'offset'];

/** Encodes an operation. `fields`: those that are indexed unless a put names its own. */
export function stepOf(operation: Operation, at: number, fields: string[]): Step {
  const name = `operations[${at}]`;
  checkObject(name, operation);
  if ('namespacePrefix' in operation) return searchStep(operation, name);
  if ('value' in operation) return putStep(operation, name, fields);
  if ('key' in operation) return { kind: 'get', ...placeOf(operation, name) };
  if (LIST.some((field) => field in operation)) return listStep(operation, name);
  throw invalidArgument(name, 'a get, search, put or list operation', operation);
}

function searchStep(operation: SearchOperation, name: string): Step {
  const { namespacePrefix, filter, limit, offset, query } = operation;
  const path = pathOf(namespacePrefix, `${name}.namespacePrefix`);
  if (filter !== undefined && filter !== null) checkObject(`${name}.filter`, filter);
  if (query !== undefined && query !== null && typeof query !== 'string') {
    throw invalidArgument(`${name}.query`, 'a string', query);
  }
  return {
    kind: 'search',
    path,
    filter: { ...filter },
    limit: count(limit ?? 10, `${name}.limit`),
    offset: count(offset ?? 0, `${name}.offset`),
    query: query || undefined,
  };
}

function putStep(operation: PutOperation, name: string, fields: string[]): Step {
  const place = placeOf(operation, name);
  const { value, index } = operation;
  if (value === null) return { kind: 'delete', ...place };
  if (typeof value !== 'object') throw invalidArgument(`${name}.value`, 'an object, or null', value);
  const json = jsonOf(value, `${name}.value`);
  // A date is a string in JSON, and toJSON() may give anything.
  if (!/^[[{]/.test(json ?? '')) throw invalidArgument(`${name}.value`, 'an object of JSON, or null', value);
  const paths = index ?? fields;
  if (paths !== false) checkPaths(`${name}.index`, paths);
  // Index the value as a reader will see it.
  const stored: unknown = JSON.parse(json);
  return {
    kind: 'put',
    ...place,
    value: json,
    scope: paths === false ? null : scopeTerms(operation.namespace),
    text: paths === false ? null : indexText(textToIndex(stored, paths)),
    toEmbed: paths === false ? [] : textsToEmbed(stored, paths),
  };
}

function listStep({ matchConditions, maxDepth, limit, offset }: ListNamespacesOperation, name: string): Step {
  const conditions = matchConditions ?? [];
  checkArray(`${name}.matchConditions`, conditions);
  for (const [i, condition] of conditions.entries()) {
    checkObject(`${name}.matchConditions[${i}]`, condition);
    const { matchType, path } = condition;
    if (matchType !== 'prefix' && matchType !== 'suffix') {
      throw outOfRange(`${name}.matchConditions[${i}].matchType`, "'prefix' or 'suffix'");
    }
    checkArray(`${name}.matchConditions[${i}].path`, path);
  }
  return {
    kind: 'list',
    conditions,
    maxDepth: maxDepth === undefined ? undefined : count(maxDepth, `${name}.maxDepth`),
    limit: count(limit ?? Number.POSITIVE_INFINITY, `${name}.limit`),
    offset: count(offset ?? 0, `${name}.offset`),
  };
}

function placeOf({ namespace, key }: GetOperation, name: string): { path: string; key: string } {
  checkString(`${name}.key`, key);
  if (!isWellFormed(key)) throw outOfRange(`${name}.key`, 'a string without lone surrogates');
  const path = pathOf(namespace, `${name}.namespace`);
  if (path === '') throw new InvalidNamespaceError(`${name}.namespace cannot be empty`);
  return { path, key };
}

/** A namespace as it is stored: its labels with colons between them. */
function pathOf(namespace: string[], name: string): string {
  checkArray(name, namespace);
  const isLabel = (label: unknown) => typeof label === 'string' && label !== '' && !/[.:\0]/.test(label);
  if (!namespace.every(isLabel)) {
    throw new InvalidNamespaceError(`${name} must have labels that are not empty, without '.', ':' and U+0000`);
  }
  const path = namespace.join(':');
  if (!isWellFormed(path)) throw outOfRange(name, 'labels without lone surrogates');
  return path;
}

function jsonOf(value: object, name: string): string {
  try {
    return encodeJson(value, name) as string;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw Object.assign(new TypeError(error.message), { code: 'ERR_INVALID_ARG_VALUE' });
  }
}

function checkPaths(name: string, paths: unknown): asserts paths is string[] {
  const areStrings = Array.isArray(paths) && paths.every((path) => typeof path === 'string');
  if (!areStrings) throw invalidArgument(name, 'an array of strings', paths);
}

function count(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidArgument(name, 'a number', value);
  if (Number.isNaN(value) || value < 0) throw outOfRange(name, 'a number that is not negative');
  return Math.floor(value);
}

// ── the index of words ──

/** A term for each namespace that an item is below, so that a search reads the words of its own namespaces alone. */
function scopeTerms(namespace: string[]): string {
  return namespace.map((_, i) => scopeTerm(namespace.slice(0, i + 1).join(':'))).join(' ');
}

/** Digits, which are not stemmed. Two paths with one term would only cost time: the path is compared too. */
const scopeTerm = (path: string) => createHash('sha256').update(path).digest().readBigUInt64LE().toString();

/** A query for the index, below a path; `undefined` if it has no words. */
export function matchOf(query: string, path: string): string | undefined {
  const phrases = queryPhrases(query, MAX_WORDS).map((phrase) => phrase.replace('#', ''));
  if (phrases.length === 0) return undefined;
  const words = `terms : (${phrases.join(' OR ')})`;
  return path === '' ? words : `scope : "${scopeTerm(path)}" AND ${words}`;
}

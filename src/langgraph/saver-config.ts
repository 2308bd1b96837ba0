import type { RunnableConfig } from '@langchain/core/runnables';
import { type CheckpointListOptions, getCheckpointId, type SerializerProtocol } from '@langchain/langgraph-checkpoint';
import { checkObject, checkString } from '../arguments.js';
import { isWellFormed } from '../codec/well-formed.js';
import { invalidArgument, outOfRange } from '../errors.js';

/** The place of a checkpoint. */
export interface CheckpointKey {
  threadId: string;
  namespace: string;
  /** Absent: the newest one is meant, or none. */
  checkpointId: string | undefined;
}

/** The parts of a key that a config has. Rejects parts that are no strings. */
export function partsOf(
  config: RunnableConfig,
  name = 'config',
): { [part in keyof CheckpointKey]: string | undefined } {
  checkObject(name, config);
  const { thread_id: threadId, checkpoint_ns: namespace } = config.configurable ?? {};
  const checkpointId: unknown = getCheckpointId(config) || undefined;
  checkOptionalText(`${name}.configurable.thread_id`, threadId);
  checkOptionalText(`${name}.configurable.checkpoint_ns`, namespace);
  checkOptionalText(`${name}.configurable.checkpoint_id`, checkpointId);
  return {
    threadId: threadId ?? undefined,
    namespace: namespace ?? undefined,
    checkpointId: checkpointId ?? undefined,
  };
}

/** The key that a config names. Rejects one without a thread. */
export function keyOf(config: RunnableConfig): CheckpointKey {
  const { threadId, namespace = '', checkpointId } = partsOf(config);
  checkId('config.configurable.thread_id', threadId);
  return { threadId, namespace, checkpointId };
}

export function configOf(threadId: string, namespace: string, checkpointId: string): RunnableConfig {
  return { configurable: { thread_id: threadId, checkpoint_ns: namespace, checkpoint_id: checkpointId } };
}

export function checkId(name: string, value: unknown): asserts value is string {
  checkText(name, value);
  if (value === '') throw outOfRange(name, 'a string that is not empty');
}

/** Texts that UTF-8 has: others would be stored as one and the same. */
export function checkText(name: string, value: unknown): asserts value is string {
  checkString(name, value);
  if (!isWellFormed(value)) throw outOfRange(name, 'a string without lone surrogates');
}

export function checkVersion(name: string, value: unknown): asserts value is number | string {
  if (typeof value === 'string') checkText(name, value);
  else if (typeof value !== 'number') throw invalidArgument(name, 'a number or a string', value);
  else if (!Number.isFinite(value)) throw outOfRange(name, 'a finite number or a string');
}

export function checkSerde(serde: SerializerProtocol | undefined): SerializerProtocol | undefined {
  const isSerde = typeof serde?.dumpsTyped === 'function' && typeof serde.loadsTyped === 'function';
  if (serde !== undefined && !isSerde) throw invalidArgument('options.serde', 'a serializer of LangGraph', serde);
  return serde;
}

function checkOptionalText(name: string, value: unknown): asserts value is string | null | undefined {
  if (value !== undefined && value !== null) checkText(name, value);
}

/** Conditions of a list as SQL, their values, and its options. */
export function listConditions(config: RunnableConfig, options: CheckpointListOptions = {}) {
  checkObject('options', options);
  const { before, filter = {}, limit = Number.POSITIVE_INFINITY } = options;
  checkObject('options.filter', filter);
  if (typeof limit !== 'number') throw invalidArgument('options.limit', 'a number', limit);
  if (!Number.isInteger(limit) && limit !== Number.POSITIVE_INFINITY)
    throw outOfRange('options.limit', 'an integer, or Infinity');
  const { threadId, namespace, checkpointId } = partsOf(config);
  const given: [condition: string, value: string | undefined][] = [
    ['thread_id = ?', threadId],
    ['checkpoint_ns = ?', namespace],
    ['checkpoint_id = ?', checkpointId],
    ['checkpoint_id < ?', before ? partsOf(before, 'options.before').checkpointId : undefined],
  ];
  const present = given.filter((one): one is [string, string] => one[1] !== undefined);
  return {
    conditions: present.map(([condition]) => condition),
    values: present.map(([, value]) => value),
    filter: Object.entries(filter).filter(([, value]) => value !== undefined),
    limit,
  };
}

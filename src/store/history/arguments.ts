import { checkNames, checkObject } from '../../arguments.js';
import { outOfRange } from '../../errors.js';
import { checkChoice, checkCount, checkId } from '../arguments.js';
import {
  EVENT_PAGE,
  type EventPageOptions,
  FORK_OPTIONS,
  type ForkOptions,
  type HistoryPoint,
  REWIND_OPTIONS,
  type RewindOptions,
} from './records.js';

/** Checks a point, and returns it as it is now. */
export function checkPoint(name: string, point: HistoryPoint): HistoryPoint {
  checkObject(name, point);
  const { toSeq, beforeInvocationId } = point as { toSeq?: number; beforeInvocationId?: string };
  checkNames(name, point as { toSeq: number; beforeInvocationId: string }, { toSeq: true, beforeInvocationId: true });
  if ((toSeq === undefined) === (beforeInvocationId === undefined)) {
    throw outOfRange(name, 'an object with either toSeq or beforeInvocationId');
  }
  checkCount(`${name}.toSeq`, toSeq);
  if (beforeInvocationId === undefined) return { toSeq: toSeq as number };
  checkId(`${name}.beforeInvocationId`, beforeInvocationId);
  return { beforeInvocationId };
}

/** Checks the arguments of a rewind, and returns its point. */
export function checkRewind(to: HistoryPoint, options: RewindOptions): HistoryPoint {
  const point = checkPoint('to', to);
  checkNames('options', options, REWIND_OPTIONS);
  checkChoice('options.mode', options.mode, ['remove', 'mark']);
  checkFlag('options.archive', options.archive);
  checkChoice('options.artifacts', options.artifacts, ['restore', 'keep']);
  if (options.mode !== 'mark') return point;
  if ('toSeq' in point) {
    throw wrongType(
      'to.toSeq',
      "can't be marked: a marker names an invocation, so mode 'mark' takes beforeInvocationId",
    );
  }
  if (options.archive === false) throw outOfRange('options.archive', "true with mode 'mark', which removes nothing");
  return point;
}

/** Checks the options of a fork, and returns its point. */
export function checkFork(options: ForkOptions): HistoryPoint | undefined {
  checkNames('options', options, FORK_OPTIONS);
  if (options.sessionId !== undefined) checkId('options.sessionId', options.sessionId);
  if (options.userId !== undefined) checkId('options.userId', options.userId);
  checkChoice('options.artifacts', options.artifacts, ['share', 'none']);
  return options.at === undefined ? undefined : checkPoint('options.at', options.at);
}

export function checkEventPage(page: EventPageOptions): void {
  checkNames('page', page, EVENT_PAGE);
  checkCount('page.beforeSeq', page.beforeSeq);
  checkCount('page.afterSeq', page.afterSeq);
  checkCount('page.limit', page.limit);
  checkChoice('page.order', page.order, ['asc', 'desc']);
}

function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw wrongType(name, 'must be a boolean');
}

function wrongType(name: string, problem: string): TypeError {
  return Object.assign(new TypeError(`${name} ${problem}`), { code: 'ERR_INVALID_ARG_TYPE' });
}

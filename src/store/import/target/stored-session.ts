import { checkKey, checkTime } from '../../arguments.js';
import { serializeObject } from '../../codec/serialize.js';
import type { StoredSession } from '../../copy/transfer.js';
import type { FoundSession } from '../source.js';
import { holdsMarked, restored } from '../values/exact.js';
import { refusalOf } from './session-events.js';

/** A session of another program: of the first revision, with no history but its events. */
export function storedSession({
  key,
  state,
  createTime,
  updateTime,
}: FoundSession): StoredSession | { reason: string } {
  if (holdsMarked(key)) return { reason: 'its ids are not all texts' };
  try {
    checkKey(key);
    checkTime('createTime', createTime);
    checkTime('updateTime', updateTime);
    const text = restored(serializeObject(state, 'state'));
    return { ...FIRST, key, state: text, createTime, updateTime };
  } catch (error) {
    return { reason: refusalOf(error) };
  }
}

const FIRST = {
  sessionNumber: 0,
  revision: 1,
  initialState: null,
  ownerId: null,
  lastSeq: 0,
  firstSeq: 0,
  endSeq: 0,
  changes: [],
};

/**
 * Every number that both sides of the addon know, once. binding/protocol.h says what each stands for; a test compares
 * names, values and order of the two files.
 */

// ── calls ──

export const Header = {
  id: 0,
  request: 1,
  lane: 2,
  policy: 3,
  timeoutMs: 4,
  cancellable: 5,
  entries: 6,
  textLength: 7,
  firstEntry: 8,
} as const;

export const Tag = {
  null: 0,
  integer: 1,
  real: 2,
  text: 3,
  int64: 4,
  blob: 5,
  array: 6,
  shared: 7,
  wide: 8,
  short: 16,
} as const;

export const Request = {
  open: 0,
  run: 1,
  many: 2,
  batch: 3,
  script: 4,
  begin: 5,
  end: 6,
  close: 7,
  openCursor: 8,
  nextCursor: 9,
  openBackup: 10,
  stepBackup: 11,
  openBlob: 12,
  readBlob: 13,
  writeBlob: 14,
  openRecorder: 15,
  readRecorder: 16,
  closeResource: 17,
  describe: 18,
  status: 19,
  setLimit: 20,
  loadExtension: 21,
  authorize: 22,
  serialize: 23,
  deserialize: 24,
  applyChangeset: 25,
  define: 26,
  reportCommits: 27,
  restore: 28,
} as const;
export type Request = (typeof Request)[keyof typeof Request];

export const LaneNumber = { main: 0 } as const;

export const Policy = {
  none: 0,
  noTransactionControl: 1,
  noSettings: 2,
  noConnectionCounters: 4,
  readOnly: 8,
  trace: 16,
  secureDelete: 32,
} as const;

export const RowMode = { none: 0, object: 1, array: 2, firstObject: 3, firstArray: 4 } as const;
export type RowMode = (typeof RowMode)[keyof typeof RowMode];

export const Setting = { rowModeMask: 7, wantsColumns: 8, hasJsonColumns: 16, ifNoneAt: 5 } as const;

export const IfNone = { continue: 0, stop: 1, rollback: 2 } as const;
export type IfNone = (typeof IfNone)[keyof typeof IfNone];

export const IntegerMode = { mixed: 0, number: 1, bigint: 2 } as const;

export const ConflictPolicy = { abort: 0, omit: 1, replace: 2 } as const;

export const BeginMode = { lease: 0, deferred: 1, immediate: 2, exclusive: 3, savepoint: 4 } as const;
export type BeginMode = (typeof BeginMode)[keyof typeof BeginMode];

export const EndMode = { ready: 0, release: 1, commit: 2, rollback: 3 } as const;
export type EndMode = (typeof EndMode)[keyof typeof EndMode];

// ── functions in JavaScript ──

export const FunctionKind = { scalar: 0, aggregate: 1, window: 2, collation: 3 } as const;
export type FunctionKind = (typeof FunctionKind)[keyof typeof FunctionKind];

export const HostOperation = { call: 0, step: 1, inverse: 2, value: 3, final: 4, compare: 5, forget: 6 } as const;

export const ExceptionId = { none: 0, unknown: 0xffffffff } as const;

// ── outcomes ──

export const OutcomeFlag = { countsCommit: 1, altered: 2, done: 4 } as const;

export const ChunkText = { texts: 1, wides: 2, shorts: 4 } as const;

// ── Worker.stats() ──

export const Stat = {
  running: 0,
  completed: 1,
  failed: 2,
  cacheSize: 3,
  cacheHits: 4,
  cacheMisses: 5,
  inTransaction: 6,
  totalChanges: 7,
} as const;

/** Bounds of one pickle, far above the actions of an event, which have some kilobytes. */
export const LIMITS = {
  /** Bytes of the pickle. */
  bytes: 64 * 1024 * 1024,
  /** Opcodes, each of which makes one value at most. */
  opcodes: 2_000_000,
  /** Levels of arrays and objects inside each other, as many as SQLite reads. */
  depth: 1_000,
  /** Characters of the JSON text. A small pickle can mean a large text, because values refer to earlier ones. */
  text: 64 * 1024 * 1024,
  /** Digits of an integer, as many as Python prints. */
  digits: 4_300,
} as const;

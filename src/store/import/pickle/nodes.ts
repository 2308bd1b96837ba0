import type { Place } from './error.js';

/**
 * A value of a pickle. Python's `int` is a bigint and its `float` a number; a date is its text already, an enum its value.
 */
export type Node =
  | null
  | boolean
  | string
  | number
  | bigint
  | Uint8Array
  | Items
  | Dict
  | Instance
  | Global
  | Span
  | Zone;

/** A list, a tuple or a set. */
export class Items {
  constructor(
    readonly place: Place,
    readonly kind: 'list' | 'tuple' | 'set',
    readonly items: Node[],
  ) {}
}

/** A dict. Keys are nodes, so that no key can reach a prototype. */
export class Dict {
  entries: [key: Node, value: Node][] = [];
  constructor(readonly place: Place) {}
}

/** An object: its class and its state. Neither is looked up or called. */
export class Instance {
  state: Node | undefined;
  constructor(
    readonly place: Place,
    readonly global: Global,
    readonly args: readonly Node[],
  ) {}
}

/** Name of a class or a function. */
export class Global {
  readonly path: string;
  constructor(
    readonly place: Place,
    readonly module: string,
    readonly name: string,
  ) {
    this.path = `${module}.${name}`;
  }
}

/** A timedelta, in microseconds. */
export class Span {
  constructor(readonly microseconds: bigint) {}
}

/** A time zone: an offset from UTC in microseconds, or the name of a zone. */
export class Zone {
  constructor(readonly offset: bigint | string) {}
}

/** Place in a pickle: the opcode that begins there. */
export interface Place {
  readonly opcode: string;
  readonly offset: number;
}

/** A pickle that is not read. The message names the opcode, its offset and the reason, never content. */
export class PickleError extends Error {
  readonly opcode: string;
  readonly offset: number;
  readonly reason: string;

  constructor({ opcode, offset }: Place, reason: string) {
    super(`${opcode} at byte ${offset}: ${reason}`);
    this.name = 'PickleError';
    this.opcode = opcode;
    this.offset = offset;
    this.reason = reason;
  }
}

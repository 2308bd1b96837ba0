/** The libraries of the command line. The build puts them into this one file, so that users install none of them. */
import Table from 'cli-table3';
import { Command, CommanderError, InvalidArgumentError } from 'commander';

/** The part of cli-progress that is used; it has no types of its own. */
interface Bar {
  start(total: number, value: number, others?: object): void;
  setTotal(total: number): void;
  update(value: number, others?: object): void;
  stop(): void;
}

type BarOptions = { format: string; stream: NodeJS.WriteStream; hideCursor: boolean };

const { SingleBar } = require('cli-progress') as { SingleBar: new (options: BarOptions) => Bar };

export { Command, CommanderError, InvalidArgumentError, SingleBar, Table };

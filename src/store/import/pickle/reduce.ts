import { latin1 } from './cursor.js';
import { PickleError, type Place } from './error.js';
import { Dict, Global, Instance, Items, type Node, Span, Zone } from './nodes.js';
import { dateOf, datetimeOf, timeOf } from './times.js';

/** Value that a call of a known function or class would return; undefined for arguments that Python would not write. */
type Reduction = (args: readonly Node[], place: Place) => Node | undefined;

const reducedItems =
  (kind: Items['kind']): Reduction =>
  (args, place) => {
    const [items] = args;
    if (args.length === 0) return new Items(place, kind, []);
    return args.length === 1 && items instanceof Items ? new Items(place, kind, items.items) : undefined;
  };

const KNOWN = new Map<string, Reduction>([
  ['builtins.set', reducedItems('set')],
  ['builtins.frozenset', reducedItems('set')],
  ['builtins.list', reducedItems('list')],
  ['builtins.tuple', reducedItems('tuple')],
  ['builtins.dict', ({ length }, place) => (length === 0 ? new Dict(place) : undefined)],
  ['builtins.bytes', (args) => bytesOf(args)],
  ['builtins.bytearray', (args) => bytesOf(args)],
  ['_codecs.encode', (args) => (args.length === 2 ? bytesOf(args) : undefined)],
  ['collections.OrderedDict', ({ length }, place) => (length === 0 ? new Dict(place) : undefined)],
  ['collections.defaultdict', ({ length }, place) => (length < 2 ? new Dict(place) : undefined)],
  ['copyreg._reconstructor', reconstruct],
  ['datetime.date', ([bytes, ...rest]) => (rest.length === 0 ? dateOf(bytes) : undefined)],
  ['datetime.datetime', ([bytes, zone, ...rest]) => (rest.length === 0 ? datetimeOf(bytes, zone) : undefined)],
  ['datetime.time', ([bytes, zone, ...rest]) => (rest.length === 0 ? timeOf(bytes, zone) : undefined)],
  ['datetime.timedelta', spanOf],
  [
    'datetime.timezone',
    ([span, ...rest]) => (span instanceof Span && rest.length < 2 ? new Zone(span.microseconds) : undefined),
  ],
  [
    'pydantic_core._pydantic_core.TzInfo',
    ([seconds]) => (typeof seconds === 'bigint' ? new Zone(seconds * 1_000_000n) : undefined),
  ],
  ['builtins.getattr', methodOf],
  ['zoneinfo.ZoneInfo._unpickle', ([name]) => (typeof name === 'string' ? new Zone(name) : undefined)],
  ['decimal.Decimal', ([text, ...rest]) => (typeof text === 'string' && rest.length === 0 ? text : undefined)],
]);

/** Modules whose enums ADK's models use: an enum is its class with its value. */
const ENUMS = /^(google\.adk\.|google\.genai\.types\.|fastapi\.openapi\.models\.)(\w+\.)*[A-Z]\w*$/;

/** The value of a call, without a call. Throws unless the function is a known one. */
export function reduce(place: Place, { path }: Global, args: readonly Node[]): Node {
  const known = KNOWN.get(path) ?? (ENUMS.test(path) ? enumOf : undefined);
  if (known === undefined) throw new PickleError(place, `${path} is none of the types that are read`);
  const value = known(args, place);
  if (value === undefined) throw new PickleError(place, `${path} has other arguments than Python writes`);
  return value;
}

function enumOf([value, ...rest]: readonly Node[]): Node | undefined {
  const isScalar = typeof value === 'string' || typeof value === 'bigint';
  return isScalar && rest.length === 0 ? value : undefined;
}

/** Bytes as protocols up to 4 write some: nothing, bytes, or text with one character a byte. */
function bytesOf([value, encoding, ...rest]: readonly Node[]): Node | undefined {
  if (rest.length > 0) return undefined;
  if (value === undefined) return new Uint8Array();
  if (value instanceof Uint8Array && encoding === undefined) return value;
  if (typeof value !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) return undefined;
  const bytes = Buffer.from(value, 'latin1');
  return latin1(bytes) === value ? bytes : undefined;
}

/** An object as protocols 0 and 1 write it. */
function reconstruct([cls, base, state, ...rest]: readonly Node[], place: Place): Node | undefined {
  if (!(cls instanceof Global) || !(base instanceof Global) || base.path !== 'builtins.object') return undefined;
  return state === null && rest.length === 0 ? new Instance(place, cls, []) : undefined;
}

function spanOf([days, seconds, microseconds, ...rest]: readonly Node[]): Node | undefined {
  if (typeof days !== 'bigint' || typeof seconds !== 'bigint' || typeof microseconds !== 'bigint') return undefined;
  return rest.length === 0 ? new Span((days * 86_400n + seconds) * 1_000_000n + microseconds) : undefined;
}

/** The one method by name that values of ADK need. */
function methodOf([cls, name]: readonly Node[], place: Place): Node | undefined {
  const isZone = cls instanceof Global && cls.path === 'zoneinfo.ZoneInfo' && name === '_unpickle';
  return isZone ? new Global(place, cls.path, name) : undefined;
}

import { PickleError, type Place } from './error.js';
import { LIMITS } from './limits.js';
import { Dict, Global, Instance, Items, type Node, Span } from './nodes.js';
import { durationText } from './times.js';

/** JSON text of a value, and its levels of arrays and objects. */
interface Written {
  text: string;
  levels: number;
}

type Container = Items | Dict | Instance;

/**
 * Writes nodes as JSON. The text of a container is made once, however often the pickle refers to it. V8 joins texts without
 * copying, so memory follows the nodes, not the text. A text that becomes too long is refused at once.
 */
export class Writer {
  /** Containers that are written, or 'open' while their parts are. */
  readonly #written = new Map<Container, Written | 'open'>();

  /** JSON text of a container. Parts come before the whole, on an own stack, so that no nesting can exhaust that of V8. */
  write(root: Container): string {
    const waiting = [root];
    let open = 0;
    for (let node = waiting.at(-1); node !== undefined; node = waiting.at(-1)) {
      const known = this.#written.get(node);
      if (known === undefined) {
        if (++open > LIMITS.depth) throw tooDeep(node);
        this.#written.set(node, 'open');
        for (const part of partsOf(node)) {
          if (!isContainer(part) || this.#textOf(part)) continue;
          if (this.#written.has(part)) throw new PickleError(part.place, 'a value that contains itself');
          waiting.push(part);
        }
        continue;
      }
      waiting.pop();
      if (known !== 'open') continue;
      open--;
      const written = this.#container(node);
      if (written.levels > LIMITS.depth) throw tooDeep(node);
      this.#written.set(node, written);
    }
    return this.#part(root, root.place).text;
  }

  #textOf(node: Container): Written | undefined {
    const known = this.#written.get(node);
    return known === 'open' ? undefined : known;
  }

  #part(node: Node, place: Place): Written {
    const written = isContainer(node) ? this.#textOf(node) : undefined;
    return written ?? { text: scalarText(node, place), levels: 0 };
  }

  #container(node: Container): Written {
    if (node instanceof Dict) return this.#object(node.place, [[node, keyOf]]);
    if (node instanceof Instance) return this.#instance(node);
    const list = new Joined('[', node.place);
    for (const item of node.items) list.add('', this.#part(item, node.place));
    return list.close(']');
  }

  /** Several dicts as one object. A name that is undefined leaves the value out. */
  #object(place: Place, parts: readonly (readonly [Dict, Naming])[]): Written {
    const object = new Joined('{', place);
    const names = new Set<string>();
    for (const [dict, nameOf] of parts) {
      for (const [key, value] of dict.entries) {
        const name = nameOf(key, value, dict.place);
        if (name === undefined) continue;
        if (names.has(name)) throw new PickleError(dict.place, 'two keys that are the same in JSON');
        names.add(name);
        object.add(`${JSON.stringify(name)}:`, this.#part(value, dict.place));
      }
    }
    return object.close('}');
  }

  #instance(node: Instance): Written {
    const uuid = textOf(node);
    if (uuid !== undefined) return { text: JSON.stringify(uuid), levels: 0 };
    const { place, global } = node;
    const { fields, more } = modelOf(node) ?? {};
    if (fields === undefined) throw new PickleError(place, `an object of ${global.path}, which is no model`);
    const parts: [Dict, Naming][] = [[fields, MODELS.test(global.path) ? fieldOf : keyOf]];
    if (more !== undefined) parts.push([more, keyOf]);
    return this.#object(place, parts);
  }
}

/** Text of a value that has no parts. */
function scalarText(node: Node, place: Place): string {
  if (node === null || typeof node === 'boolean' || typeof node === 'bigint') return String(node);
  if (typeof node === 'number') return Object.is(node, -0) ? '-0.0' : String(node);
  if (node instanceof Global) throw new PickleError(node.place, `the class ${node.path}, where a value should be`);
  const text = textOf(node);
  if (text === undefined) throw new PickleError(place, 'a time zone without a time');
  return JSON.stringify(text);
}

function isContainer(node: Node): node is Container {
  return node instanceof Items || node instanceof Dict || node instanceof Instance;
}

/** Values whose text is part of a node's. */
function partsOf(node: Container): readonly Node[] {
  if (node instanceof Items) return node.items;
  if (node instanceof Dict) return node.entries.map(([, value]) => value);
  const { fields, more } = modelOf(node) ?? {};
  return [fields, more].flatMap((dict) => dict?.entries.map(([, value]) => value) ?? []);
}

type Naming = (key: Node, value: Node, place: Place) => string | undefined;

/** Models whose fields ADK's JSON names in camel case. */
const MODELS = /^(google\.adk|google\.genai|fastapi)\./;

/** Name of a model's field: `auth_scheme` becomes `authScheme`, and `in_`, which has a `_` because of Python, `in`. */
const fieldOf: Naming = (key, value, place) => {
  if (value === null) return undefined;
  if (typeof key !== 'string') throw new PickleError(place, 'a field without a name');
  return key.replace(/_$/, '').replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
};

/** Name of a key in a dict, as json.dumps() writes it. */
const keyOf: Naming = (key, _, place) => {
  if (key === null || typeof key === 'boolean' || typeof key === 'bigint') return String(key);
  if (typeof key === 'number') return floatText(key);
  const text = key instanceof Uint8Array ? undefined : textOf(key);
  if (text === undefined) throw new PickleError(place, 'a key that JSON has not');
  return text;
};

/** Text of a value that JSON has as a text. Bytes are in base64, its URL-safe form, as pydantic writes them. */
function textOf(node: Node): string | undefined {
  if (typeof node === 'string') return node;
  if (node instanceof Span) return durationText(node);
  if (node instanceof Instance && node.global.path === 'uuid.UUID') return uuidOf(node);
  if (!(node instanceof Uint8Array)) return undefined;
  const base64 = Buffer.from(node.buffer, node.byteOffset, node.byteLength).toString('base64');
  return base64.replaceAll('+', '-').replaceAll('/', '_');
}

/** A float as Python prints it, which is the text of a key. */
function floatText(value: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power < -4 || power > 15) return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  const plain = Object.is(value, -0) ? '-0' : value.toFixed(Math.max(0, digits.replace(/^-?\d\.?/, '').length - power));
  return plain.includes('.') ? plain : `${plain}.0`;
}

/** The fields of a model, from the state in which pydantic keeps them. */
export function modelOf({ args, state }: Instance): { fields: Dict; more: Dict | undefined } | undefined {
  if (!(state instanceof Dict) || args.length > 0) return undefined;
  const parts = new Map(state.entries);
  const fields = parts.get('__dict__');
  const more = parts.get('__pydantic_extra__') ?? undefined;
  if (!(fields instanceof Dict) || !parts.has('__pydantic_fields_set__')) return undefined;
  return more === undefined || more instanceof Dict ? { fields, more } : undefined;
}

function uuidOf({ state, place }: Instance): string {
  const value = state instanceof Dict ? new Map(state.entries).get('int') : undefined;
  if (typeof value !== 'bigint' || value < 0n || value >= 1n << 128n)
    throw new PickleError(place, 'a UUID without a value');
  return value
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The text of an array or object in the making. */
class Joined {
  #text: string;
  #levels = 0;
  constructor(
    open: string,
    readonly place: Place,
  ) {
    this.#text = open;
  }

  add(name: string, { text, levels }: Written): void {
    if (this.#text.length > 1) this.#text += ',';
    this.#text += name;
    this.#text += text;
    if (this.#text.length > LIMITS.text) {
      throw new PickleError(this.place, `more than ${LIMITS.text} characters as JSON`);
    }
    this.#levels = Math.max(this.#levels, levels);
  }

  close(bracket: string): Written {
    return { text: this.#text + bracket, levels: this.#levels + 1 };
  }
}

function tooDeep({ place }: Container): PickleError {
  return new PickleError(place, `nested deeper than ${LIMITS.depth} levels`);
}

import { checkArray, checkNames, checkPath, checkString, integer, type NamesOf } from '../../arguments.js';
import { AiosqliteError, invalidArgument, outOfRange } from '../../errors.js';
import type { Query, StatementDescription } from '../../executor.js';
import { Call } from '../../wire/call.js';
import { Request } from '../../wire/protocol.js';
import type { Send } from './send.js';

/** sqlite.org/c3ref/c_dbstatus_options.html; `dataVersion` changes when another connection commits. */
export interface ConnectionStatus {
  /** Memory of the page cache, in bytes. */
  cacheUsedBytes: number;
  /** Memory of the parsed schema, in bytes. */
  schemaUsedBytes: number;
  /** Memory of prepared statements, in bytes. */
  statementUsedBytes: number;
  /** Pages found in the cache since opening. */
  cacheHits: number;
  /** Pages read from the file since opening. */
  cacheMisses: number;
  /** Pages written to the file or its WAL since opening. */
  cacheWrites: number;
  /** Pages written before their commit since opening, because the cache was full. */
  cacheSpills: number;
  /** `PRAGMA data_version`: another number once another connection has committed. */
  dataVersion: number;
}

/**
 * Names as SQLite has them, lower case, without prefix, in the order of their numbers, which begin at 1
 * (sqlite.org/c3ref/c_alter_table.html).
 */
const ACTIONS = [
  'create_index create_table create_temp_index create_temp_table create_temp_trigger create_temp_view create_trigger',
  'create_view delete drop_index drop_table drop_temp_index drop_temp_table drop_temp_trigger drop_temp_view',
  'drop_trigger drop_view insert pragma read select transaction update attach detach alter_table reindex analyze',
  'create_vtable drop_vtable function savepoint recursive',
].flatMap((names) => names.split(' '));

/** Actions of SQL that a rule is for: each name that is given narrows it. */
export interface AuthorizerRule {
  /** 'delete', 'create_table', 'read', … */
  action: string;
  /** Name of the database, such as `'main'`. Default: any. */
  database?: string;
  /** Name of the table. Default: any. */
  table?: string;
  /** Name of the column. Default: any. */
  column?: string;
}

/** Rules of {@link Connection.authorize}. */
export interface AuthorizerRules {
  /** If given, everything else is denied: an empty list allows SELECT without tables alone. */
  allow?: AuthorizerRule[];
  /** Deny rules win over allow rules. */
  deny?: AuthorizerRule[];
}

const RULE: NamesOf<AuthorizerRule> = { action: true, database: true, table: true, column: true };
const RULES: NamesOf<AuthorizerRules> = { allow: true, deny: true };

/** sqlite.org/c3ref/c_limit_attached.html */
const LIMITS = {
  length: 0,
  sqlLength: 1,
  column: 2,
  exprDepth: 3,
  compoundSelect: 4,
  vdbeOp: 5,
  functionArg: 6,
  attached: 7,
  likePatternLength: 8,
  variableNumber: 9,
  triggerDepth: 10,
} as const;
/** Names of SQLite's limits (sqlite.org/c3ref/c_limit_attached.html), for {@link Connection.setLimit}. */
export type LimitName = keyof typeof LIMITS;

export async function describe(send: Send, sql: string | Query): Promise<StatementDescription> {
  const text = typeof sql === 'string' ? sql : sql?.sql;
  if (typeof text !== 'string') throw invalidArgument('sql', 'a string or a Query', sql);
  return JSON.parse((await send(Call.of(Request.describe).text(text))).info) as StatementDescription;
}

export async function status(send: Send): Promise<ConnectionStatus> {
  return JSON.parse((await send(Call.of(Request.status))).info) as ConnectionStatus;
}

export async function setLimit(send: Send, name: LimitName, value: number): Promise<number> {
  checkString('name', name);
  if (!Object.hasOwn(LIMITS, name)) throw outOfRange('name', `one of ${Object.keys(LIMITS).join(', ')}`);
  if (value === undefined) throw invalidArgument('value', 'a number', value);
  const limit = integer({ value }, 'value', 0, 0, 2 ** 31 - 1);
  return Number((await send(Call.of(Request.setLimit).number(LIMITS[name]).number(limit))).info);
}

export async function loadExtension(
  send: Send,
  allowed: boolean,
  path: string,
  entryPoint: string | undefined,
): Promise<void> {
  checkPath('path', path);
  if (entryPoint !== undefined && typeof entryPoint !== 'string') {
    throw invalidArgument('entryPoint', 'a string', entryPoint);
  }
  if (entryPoint?.includes('\0')) throw outOfRange('entryPoint', 'a name without U+0000');
  if (!allowed) {
    throw new AiosqliteError('ERR_EXTENSIONS_DISABLED', 'loadExtension() needs the option allowExtensions: true');
  }
  await send(
    Call.of(Request.loadExtension)
      .text(path)
      .text(entryPoint ?? ''),
  );
}

export async function authorize(send: Send, rules: AuthorizerRules | null): Promise<void> {
  if (rules !== null) checkNames('rules', rules, RULES);
  const lists = [
    { name: 'allow', list: rules?.allow ?? [], allow: 1 },
    { name: 'deny', list: rules?.deny ?? [], allow: 0 },
  ].map(({ name, list, allow }) => {
    checkArray(`rules.${name}`, list);
    return { list: Array.from(list, (rule, i) => checkRule(rule, `rules.${name}[${i}]`)), allow };
  });
  const call = Call.of(Request.authorize).flag(rules?.allow !== undefined);
  call.number(lists.reduce((count, { list }) => count + list.length, 0));
  for (const { list, allow } of lists) {
    for (const [action, ...names] of list) {
      call.number(allow).number(action);
      for (const name of names) call.text(name);
    }
  }
  await send(call);
}

/** The number of its action, and its names. */
function checkRule(rule: AuthorizerRule, at: string): [number, string, string, string] {
  checkNames(at, rule, RULE);
  const { action, database, table, column } = rule;
  checkString(`${at}.action`, action);
  const number = ACTIONS.indexOf(action) + 1;
  if (number === 0) throw outOfRange(`${at}.action`, `one of ${ACTIONS.join(', ')}`);
  const nameOf = (key: string, name: unknown) => {
    if (name === undefined || name === null) return '';
    checkString(`${at}.${key}`, name);
    // An empty name would stand for every table, which a caller hardly means.
    if (name === '' || name.includes('\0')) throw outOfRange(`${at}.${key}`, 'a name, not empty, without U+0000');
    return name;
  };
  return [number, nameOf('database', database), nameOf('table', table), nameOf('column', column)];
}

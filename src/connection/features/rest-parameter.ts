/** Comments and texts, whose brackets are no code. */
const NO_CODE = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\[\s\S]|[^'\\])*'|"(?:\\[\s\S]|[^"\\])*"|`(?:\\[\s\S]|[^`\\])*`/g;
const ARROW_WITHOUT_PARENTHESES = /^\s*(?:async\s+)?[\p{ID_Start}$_][\p{ID_Continue}$]*\s*=>/u;

/** Whether a function takes a rest parameter. `length` does not count it: only the function's text shows it. */
export function hasRestParameter(fn: (...args: never[]) => unknown): boolean {
  const code = Function.prototype.toString.call(fn).replace(NO_CODE, ' ');
  if (ARROW_WITHOUT_PARENTHESES.test(code)) return false;
  // The parameters are in the first parentheses outside a computed name.
  let depth = 0;
  let inside = false;
  for (let i = 0; i < code.length; i++) {
    const char = code[i] as string;
    if (inside && depth === 0 && code.startsWith('...', i)) return true;
    if (!inside && depth === 0 && char === '(') inside = true;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char) && --depth < 0) return false;
  }
  return false;
}

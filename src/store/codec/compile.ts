/** Compiles a function from code of our own; `undefined` where the program may not make code from text. */
export function compile<Made>(helpers: object, code: string): Made | undefined {
  try {
    return new Function('helpers', `const { ${Object.keys(helpers).join(', ')} } = helpers; return ${code}`)(
      helpers,
    ) as Made;
  } catch (error) {
    if ((error as Error).name !== 'EvalError') throw error;
    return undefined;
  }
}

/** Whether a text survives UTF-8, which has no lone surrogates: they would all become U+FFFD. */
export function isWellFormed(text: string): boolean {
  // Node 20 has it, TypeScript's es2023 does not list it.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

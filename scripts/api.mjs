#!/usr/bin/env node
/**
 * The public types as text, one file for each entry point, in etc/api/: a reviewer sees what a change does to users
 * (UPGRADING.md). `npm run api` writes them; `npm run check` fails if one is not what lib/ says, or if a public member has
 * no comment.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { entries } from './entries.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
const folder = join(root, 'etc', 'api');
const scratch = mkdtempSync(join(tmpdir(), 'aiosqlite-api-'));
const quiet = { default: { logLevel: ExtractorLogLevel.None } };

/**
 * @param {string} name
 * @param {string} types
 */
function snapshot(name, types) {
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, types),
      newlineKind: 'lf',
      compiler: { tsconfigFilePath: join(root, 'tsconfig.json') },
      apiReport: { enabled: true, reportFileName: `${name}.api.md`, reportFolder: scratch, reportTempFolder: scratch },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      // What it finds is said in the report itself.
      messages: { compilerMessageReporting: quiet, extractorMessageReporting: quiet, tsdocMessageReporting: quiet },
    },
  });
  const { succeeded } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  if (!succeeded) throw new Error(`the types of ${name} can't be read`);
  return readFileSync(join(scratch, `${name}.api.md`), 'utf8');
}

mkdirSync(folder, { recursive: true });
for (const [entry, path] of Object.entries(entries)) {
  const name = entry.slice(2) || 'index';
  const file = join(folder, `${name}.api.md`);
  const now = snapshot(name, `lib/${path}.d.ts`);
  if (!check) {
    writeFileSync(file, now);
    continue;
  }
  let committed = '';
  try {
    committed = readFileSync(file, 'utf8');
  } catch {
    // missing: as stale as can be
  }
  const undocumented = now.match(/\(undocumented\)\s+(.*)/g) ?? [];
  if (undocumented.length > 0) {
    console.error(`aiosqlite/${name} has members without a comment:\n${undocumented.join('\n')}`);
    process.exitCode = 1;
  }
  if (committed === now) continue;
  console.error(`etc/api/${name}.api.md is stale: run \`npm run api\`, and see what the change does to users.`);
  process.exitCode = 1;
}
rmSync(scratch, { recursive: true, force: true });

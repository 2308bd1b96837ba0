import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('../', import.meta.url));

/** Installs the peers, the first time and when the lock file has changed. Native ones compile, which takes minutes. */
export function installPeers() {
  const done = `${here}node_modules/.installed`;
  // The content, not the time: a checkout writes the file anew, and compiling takes minutes.
  const lock = readFileSync(`${here}package-lock.json`, 'utf8');
  if (existsSync(done) && readFileSync(done, 'utf8') === lock) return;
  console.error('Installing what to measure against (once; native packages compile for some minutes) …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    // The npm that runs this hands down the root's settings; here bench/.npmrc says what may run.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^npm_config_(ignore|allow)_scripts$/i.test(name)),
    ),
  });
  if (status !== 0) throw new Error('npm ci in bench/ has failed');
  writeFileSync(done, lock);
}

#!/usr/bin/env node
/**
 * Names the missing tool before the addon is compiled, instead of letting CMake fail in its own words.
 *
 * As a program: `node scripts/preflight.mjs` prints one sentence per missing tool and exits 1.
 * As a module: {@link missingTools}. It looks at files and runs at most `cmake --version`.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const minimumNode = [20, 19];
const minimumCMake = [3, 15];
const windows = process.platform === 'win32';

/** How each tool is installed, by package manager. */
const recipes = {
  cmake: {
    apt: 'apt-get install -y cmake',
    dnf: 'dnf install -y cmake',
    brew: 'brew install cmake',
    winget: 'winget install Kitware.CMake',
  },
  compiler: {
    apt: 'apt-get install -y g++',
    dnf: 'dnf install -y gcc-c++',
    brew: 'xcode-select --install',
    winget:
      'winget install Microsoft.VisualStudio.2022.BuildTools --override "--wait --passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"',
  },
  make: {
    apt: 'apt-get install -y make',
    dnf: 'dnf install -y make',
    brew: 'xcode-select --install',
    winget: 'winget install Ninja-build.Ninja',
  },
};

/**
 * Where a program is, searched as a shell would.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function findProgram(name) {
  const extensions = windows ? ['.exe', '.cmd', '.bat', ''] : [''];
  const folders = /[\\/]/.test(name) ? [''] : (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const folder of folders) {
    for (const extension of extensions) {
      const file = folder ? join(folder, name + extension) : name + extension;
      try {
        accessSync(file, constants.X_OK);
        if (statSync(file).isFile()) return file;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}

/**
 * Whether a dotted version is at least a minimum.
 *
 * @param {string} version
 * @param {number[]} minimum
 */
function atLeast(version, minimum) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = minimum;
  return major !== wantedMajor ? major > wantedMajor : minor >= wantedMinor;
}

/**
 * One sentence about a tool and the commands that bring it.
 *
 * @param {string} sentence
 * @param {Record<string, string>} recipe
 */
function advise(sentence, recipe) {
  return [
    sentence,
    ...Object.entries(recipe).map(([manager, command]) => `  ${`${manager}:`.padEnd(8)} ${command}`),
  ].join('\n');
}

/** @returns {string | undefined} what is wrong with CMake */
function checkCMake() {
  const wanted = minimumCMake.join('.');
  const cmake = findProgram('cmake');
  if (!cmake)
    return advise(
      `CMake is missing: version ${wanted} or newer must be on the PATH to compile the addon.`,
      recipes.cmake,
    );
  let version;
  try {
    version = /version (\d+\.\d+)/.exec(
      execFileSync(cmake, ['--version'], { encoding: 'utf8', shell: /\.(cmd|bat)$/i.test(cmake) }),
    )?.[1];
  } catch {
    return advise(`CMake does not run: ${cmake} --version failed.`, recipes.cmake);
  }
  if (version && atLeast(version, minimumCMake)) return undefined;
  return advise(
    `CMake is too old: ${cmake} is ${version ?? 'of an unknown version'}, needed is ${wanted} or newer.`,
    recipes.cmake,
  );
}

/** Visual Studio's own locator says whether it has a C++ toolset. */
function hasVisualStudio() {
  const root = process.env['ProgramFiles(x86)'] ?? process.env.ProgramFiles ?? 'C:\\Program Files (x86)';
  const vswhere = join(root, 'Microsoft Visual Studio', 'Installer', 'vswhere.exe');
  if (!existsSync(vswhere)) return false;
  const query = [
    '-products',
    '*',
    '-requires',
    'Microsoft.VisualStudio.Component.VC.Tools.x86.x64',
    '-property',
    'installationPath',
  ];
  try {
    return execFileSync(vswhere, query, { encoding: 'utf8' }).trim() !== '';
  } catch {
    return false;
  }
}

/** @returns {string | undefined} what is wrong with the compiler */
function checkCompiler() {
  if (findCompiler()) return undefined;
  if (windows && hasVisualStudio()) return undefined;
  const searched = process.env.CXX ? `CXX (${process.env.CXX}), c++, g++ and clang++` : 'c++, g++ and clang++';
  return advise(
    `A C++17 compiler is missing: looked for ${windows ? 'Visual Studio, ' : ''}${searched}.`,
    recipes.compiler,
  );
}

/** The C++ compiler that a build would use, where there is one on the PATH. */
export function findCompiler() {
  const fromEnvironment = process.env.CXX?.trim().split(/\s+/)[0];
  return [fromEnvironment, 'c++', 'g++', 'clang++', ...(windows ? ['cl'] : [])].find(
    (name) => name && findProgram(name),
  );
}

/** @returns {string | undefined} what is wrong with the tool that runs the compiler */
function checkMake() {
  if (windows || findProgram('make') || findProgram('ninja')) return undefined;
  return advise('make is missing: CMake needs it, or ninja, to run the compiler.', recipes.make);
}

/** @returns {string | undefined} what is wrong with Node */
function checkNode() {
  if (atLeast(process.versions.node, minimumNode)) return undefined;
  return `Node is too old: this is ${process.versions.node}, needed is ${minimumNode.join('.')} or newer.`;
}

/**
 * One text for each thing that compiling the addon needs and this machine lacks.
 *
 * @returns {string[]}
 */
export function missingTools() {
  return [checkNode(), checkCMake(), checkCompiler(), checkMake()].filter((problem) => problem !== undefined);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const problems = missingTools();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

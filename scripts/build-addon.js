// Builds the native addon with node-gyp against headers that are already on this machine: nothing is downloaded.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Directories whose `include/node` may hold the headers of the running Node, nearest first. */
function headerDirectories() {
  const prefix = resolve(dirname(process.execPath), '..');
  return [prefix, '/usr'];
}

/** The major version that the headers in `directory` were made for, or undefined where there are none. */
function headerMajor(directory) {
  const common = join(directory, 'include/node/node_version.h');
  if (!existsSync(common)) return undefined;
  const text = require('node:fs').readFileSync(common, 'utf8');
  return Number(/#define NODE_MAJOR_VERSION (\d+)/.exec(text)?.[1]);
}

const require = createRequire(import.meta.url);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const major = Number(process.versions.node.split('.')[0]);
const nodedir = headerDirectories().find((directory) => headerMajor(directory) === major);
if (nodedir === undefined) {
  console.error(
    `restat: no headers of Node ${major} next to ${process.execPath} or in /usr/include/node.\n` +
      'Install the package libnode-dev (Debian) or the headers that belong to this Node.',
  );
  process.exit(1);
}
const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
const jobs = String(require('node:os').availableParallelism());
const result = spawnSync(
  process.execPath,
  [nodeGyp, 'rebuild', '--nodedir', nodedir, '--jobs', jobs, ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
);
process.exit(result.status ?? 1);

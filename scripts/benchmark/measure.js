// Runs a program and tells what it took.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const GNU_TIME = '/usr/bin/time';

/** Runs a program that must succeed; returns its standard output. */
export function run(command, { env = {}, cwd } = {}) {
  const [program, ...args] = command;
  const result = spawnSync(program, args, {
    env: { ...process.env, ...env },
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    throw new Error(`${command.join(' ')}: exit code ${result.status}\n${result.stderr}`);
  }
  return result.stdout;
}

/** True if a program can be started. */
export function isInstalled(program) {
  return spawnSync(program, ['version'], { stdio: 'ignore' }).error === undefined;
}

/** Wall and CPU time in seconds, peak resident memory (VmHWM) in MiB. */
export function measure(command, { directory, env = {}, cwd }) {
  const report = join(directory, 'time.txt');
  run(['sync']);
  const started = process.hrtime.bigint();
  run([GNU_TIME, '-o', report, '-f', '%U %S %M', ...command], { env, cwd });
  const wall = Number(process.hrtime.bigint() - started) / 1e9;
  const [user, system, peak] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  rmSync(report);
  return { wall, cpu: user + system, memory: peak / 1024 };
}

/** Sum of the file sizes below a directory, in bytes. */
export function storedBytes(directory) {
  const sizes = run(['find', directory, '-type', 'f', '-printf', '%s\n']).trim().split('\n');
  return sizes.reduce((sum, size) => sum + Number(size), 0);
}

/** Reads a tree so that it is in the page cache. */
export function warm(directory) {
  run(['sh', '-c', 'tar cf - -C "$1" . | cat >/dev/null', 'sh', directory]);
}

/** Throws unless both trees have the same names, types, modes, times, link targets and contents. */
export function compareTrees(expected, found) {
  const list = (directory) =>
    run([
      'sh',
      '-c',
      'cd "$1" && find . -mindepth 1 -printf "%P %y %m %T@ %l\\n" | sort | sha256sum',
      'sh',
      directory,
    ]);
  if (list(expected) !== list(found))
    throw new Error(`${found} has other names or metadata than ${expected}`);
  run(['diff', '-r', '--no-dereference', '-q', expected, found]);
}

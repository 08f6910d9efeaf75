/** Backups and restores of one small tree with a server that a test has made. */

import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type RunResult, startRestat } from './cli.js';
import { bytesOf } from './recipe.js';
import { SECRET, withSessionServer } from './session-server.js';
import { SessionStore } from './session-store.js';
import { withTemporaryDirectory } from './world.js';

/** After so many milliseconds a run hangs. */
const HANGS_MS = 60_000;
const TIME = 1_700_000_000;
const SNAPSHOT = 'host/t/2023-11-14T22:13:20Z';
/** The next backup of the group. */
const NEXT_TIME = TIME + 100;
const NEXT_SNAPSHOT = 'host/t/2023-11-14T22:15:00Z';
/** The snapshot that `backupWords` make, as the small server names it. */
export const KEY: string = `host/t/${TIME}`;

/** What is in the tree. */
export const FILES: readonly { readonly name: string; readonly bytes: Buffer }[] = [
  'a',
  'sub/b',
  'sub/c',
  'z',
].map((name, i) => ({ name, bytes: bytesOf({ kind: 'drbg', seed: name, length: 40_000 + 60_000 * i }) }));

/** Writes the tree into a new directory. */
export function fill(source: string): string {
  mkdirSync(join(source, 'sub'), { recursive: true });
  for (const { name, bytes } of FILES) writeFileSync(join(source, name), bytes);
  return source;
}

export function backupWords(source: string, repository: string): string[] {
  const group = ['--backup-id', 't', '--backup-time', String(TIME), '--chunk-size', '64'];
  return ['backup', `root.pxar:${source}`, '--repository', repository, ...group];
}

/** The next backup, which compares with the first. */
export function nextBackupWords(source: string, repository: string): string[] {
  const mode = ['--change-detection-mode', 'metadata'];
  const words = backupWords(source, repository).map((word) =>
    word === String(TIME) ? String(NEXT_TIME) : word,
  );
  return [...words, ...mode];
}

export function restoreWords(target: string, repository: string, { next = false } = {}): string[] {
  return ['restore', next ? NEXT_SNAPSHOT : SNAPSHOT, 'root.pxar', target, '--repository', repository];
}

/** Runs a command to its end; one that hangs is ended with SIGKILL. `watch` sees its process. */
export async function run(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  watch?: (process: ChildProcess) => void,
): Promise<RunResult> {
  const { process, result } = startRestat(words, { env });
  watch?.(process);
  const timer = setTimeout(() => process.kill('SIGKILL'), HANGS_MS);
  try {
    return await result;
  } finally {
    clearTimeout(timer);
  }
}

/** One error that says something; no stack, no assertion, no secret. */
export function failsClearly(
  t: ExecutionContext,
  { code, signal, stdout, stderr }: RunResult,
  what: string,
): void {
  t.is(signal, null, `${what}: ${stderr}`);
  t.is(code, 1, `${what}: ${stderr}`);
  t.is(stderr.match(/^Error: \S.*$/gm)?.length, 1, `${what}: ${stderr}`);
  t.notRegex(stderr, /^\s+at |node:|^Error: .*(undefined|\[object)|Unhandled/m, what);
  t.false(`${stdout}${stderr}`.includes(SECRET), what);
}

/** Every file in the target is whole; returns how many there are. */
export function wholeFiles(t: ExecutionContext, target: string, what: string): number {
  if (!existsSync(target)) return 0;
  const names = readdirSync(target, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !statSync(join(target, name)).isDirectory(),
  );
  for (const name of names) {
    const expected = FILES.find((file) => file.name === name);
    t.true(expected?.bytes.equals(readFileSync(join(target, name))), `${what}: ${name}`);
  }
  return names.length;
}

/** A store with a snapshot of the tree. Throws when the backup fails. */
export async function storeWithSnapshot(): Promise<SessionStore> {
  const store = new SessionStore();
  await withTemporaryDirectory((directory) =>
    withSessionServer({ store }, async ({ repository, env }) => {
      const { code, stderr } = await run(backupWords(fill(join(directory, 's')), repository()), env);
      if (code !== 0) throw new Error(stderr);
    }),
  );
  return store;
}

/** Calls `use` for each item, a few at one time. */
export async function forEachTogether<T>(
  items: readonly T[],
  use: (item: T) => Promise<void>,
  together = 3,
): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await use(item);
  };
  await Promise.all(Array.from({ length: together }, worker));
}

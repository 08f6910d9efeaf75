/** `restat serve` for one test: a datastore, users, a running server, and how clients reach it. */

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type Running,
  type RunOptions,
  type RunResult,
  restat,
  restatOk,
  startRestat,
} from '../support/cli.js';
import { withTemporaryDirectory } from '../support/world.js';

export const PASSWORD = 'correct horse';
const PATIENCE_MS = 60_000;

export interface ServeWorld {
  readonly directory: string;
  readonly store: string;
  readonly state: string;
  /** Options of all commands about the server's state. */
  readonly where: readonly string[];
  /** Runs `restat serve WORDS…` to its end. */
  manage(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunResult>;
  /** Starts the server on a free port; it is stopped when the test is over. */
  start(words?: readonly string[]): Promise<Started>;
}

export interface Started {
  readonly running: Running;
  readonly port: number;
  readonly fingerprint: string;
  /** Runs a command against the datastore `main` as somebody, with a password or secret. */
  as(authId: string, secret: string, words: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** The value behind `label` in what a server says at its start. */
async function announced({ process, result }: Running): Promise<{ port: number; fingerprint: string }> {
  let [port, fingerprint] = [0, ''];
  const timer = setTimeout(() => process.kill('SIGKILL'), PATIENCE_MS);
  for await (const line of createInterface({ input: process.stdout! })) {
    port = Number(/^Listening on https:\/\/.*:(\d+)$/.exec(line)?.[1] ?? port);
    fingerprint = /^Fingerprint: (\S+)$/.exec(line)?.[1] ?? fingerprint;
    if (fingerprint !== '') break;
  }
  clearTimeout(timer);
  process.stdout!.resume();
  if (fingerprint === '') throw new Error(`serve did not start: ${(await result).stderr}`);
  return { port, fingerprint };
}

/** A directory with a datastore and an empty state directory. */
export function withServe(use: (world: ServeWorld) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const [store, state] = [join(directory, 'store'), join(directory, 'state')];
    await restatOk(['datastore', 'create', store]);
    const where = ['--state-dir', state];
    const servers: Running[] = [];
    const start = async (words: readonly string[] = []): Promise<Started> => {
      const data = ['--datastore', `main=${store}`, '--listen', '127.0.0.1:0'];
      const running = startRestat(['serve', ...data, ...where, ...words]);
      servers.push(running);
      const { port, fingerprint } = await announced(running);
      const as: Started['as'] = (authId, secret, words, { env = {}, ...options } = {}) =>
        restat([...words, '--repository', `${authId}@127.0.0.1:${port}:main`], {
          ...options,
          env: { PBS_PASSWORD: secret, PBS_FINGERPRINT: fingerprint, ...env },
        });
      return { running, port, fingerprint, as };
    };
    try {
      const manage: ServeWorld['manage'] = (words, env = {}) =>
        restat(['serve', ...words, ...where], { env });
      await use({ directory, store, state, where, manage, start });
    } finally {
      for (const { process } of servers) process.kill('SIGKILL');
      await Promise.all(servers.map(({ result }) => result));
    }
  });
}

/** ann@pbs with a password and the token `laptop`, both allowed to do everything with all datastores. */
export async function addAnn({ manage }: ServeWorld): Promise<{ secret: string }> {
  const ok = async (words: readonly string[], env?: Readonly<Record<string, string>>): Promise<string> => {
    const { code, stdout, stderr } = await manage(words, env);
    if (code !== 0) throw new Error(`serve ${words.join(' ')}: ${stderr}`);
    return stdout;
  };
  await ok(['user', 'add', 'ann@pbs'], { PBS_PASSWORD: PASSWORD });
  const json = await ok(['token', 'add', 'ann@pbs!laptop', '--output-format', 'json']);
  for (const who of ['ann@pbs', 'ann@pbs!laptop'])
    await ok(['acl', 'set', '/datastore', who, 'DatastoreAdmin']);
  return { secret: JSON.parse(json).value };
}

/** A group's first backup to a small server in memory, which is held where a test wants it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { decodeBlob } from '../../src/snapshot/blob.js';
import { type Manifest, parseManifest } from '../../src/snapshot/manifest.js';
import { startRestat } from './cli.js';
import { bytesOf } from './recipe.js';
import type { Behaviour, SessionServer } from './session-server.js';
import { SessionStore } from './session-store.js';
import { snapshotCalls } from './snapshot-calls.js';
import { withTemporaryDirectory } from './world.js';

/** Each is a run of its own, so that one can be held while the one before it is sent. */
const NAMES = ['a', 'm', 'z'];
/** Contents of the files. */
export const CONTENTS: ReadonlyMap<string, Buffer> = new Map(
  NAMES.map((name) => [name, bytesOf({ kind: 'drbg', seed: name, length: 5_000_000 })]),
);

/** One group on one server, and a tree that is held where a test wants it. */
export class Bench {
  readonly store: SessionStore;
  readonly uploads: string[] = [];
  readonly #directory: string;
  readonly #waits: { readonly count: number; readonly then: () => void }[] = [];
  #finished = 0;

  constructor(directory: string, store: SessionStore) {
    this.store = store;
    this.#directory = directory;
    mkdirSync(this.source);
    for (const [name, bytes] of CONTENTS) writeFileSync(join(this.source, name), bytes);
  }

  get source(): string {
    return join(this.#directory, 'source');
  }

  /** Snapshots that were finished. */
  get finished(): number {
    return this.#finished;
  }

  /** Where a file of the tree is held until `release` is called with its name. */
  hold(name: string) {
    const until = join(this.#directory, `open-${name}`);
    return { path: join(this.source, name), on: 'read', nth: 1, act: 'hold', until } as const;
  }

  release(name: string): void {
    writeFileSync(join(this.#directory, `open-${name}`), '');
  }

  /** Calls `then` when so many snapshots were finished. */
  whenFinished(count: number, then: () => void): void {
    this.#waits.push({ count, then });
  }

  /** The server's behaviour: it counts what happens. */
  behaviour(rest = snapshotCalls(this.store)): Behaviour {
    return {
      store: this.store,
      rest,
      change: (request, honest) => {
        if (request.path === '/dynamic_chunk') this.uploads.push(request.query.get('digest')!);
        if (request.path === '/finish') this.#onFinish();
        return honest;
      },
    };
  }

  words({ repository }: SessionServer, extra: readonly string[] = ['--checkpoint-interval', '1']): string[] {
    const what = ['backup', `root.pxar:${this.source}`, '--repository', repository(), '--backup-id', 't'];
    return [...what, '--chunk-size', '64', ...extra];
  }

  start(server: SessionServer, extra?: readonly string[]) {
    return startRestat(this.words(server, extra), { env: server.env });
  }

  #onFinish(): void {
    this.#finished += 1;
    for (const { count, then } of this.#waits) if (count === this.#finished) then();
  }
}

/** Calls `use` with a new tree, and a server's store that is empty if there is none. */
export function withBench(use: (bench: Bench) => Promise<void>, store = new SessionStore()): Promise<void> {
  return withTemporaryDirectory((directory) => use(new Bench(directory, store)));
}

/** The manifest of a snapshot with these files. */
export function manifestOf(files: ReadonlyMap<string, Buffer>): Manifest {
  const name = 'index.json.blob';
  return parseManifest(decodeBlob(files.get(name)!, name), name);
}

/** The one snapshot is complete, is no checkpoint, and restores equal, `options` for the restore. */
export async function holdsCompleteSnapshot(
  t: ExecutionContext,
  { store }: Bench,
  server: SessionServer,
  options: readonly string[] = [],
): Promise<void> {
  t.is(store.snapshots.size, 1);
  const [[key, files]] = [...store.snapshots] as [[string, ReadonlyMap<string, Buffer>]];
  t.deepEqual([...files.keys()].sort(), ['index.json.blob', 'root.mpxar.didx', 'root.ppxar.didx']);
  t.false('checkpoint' in (manifestOf(files).unprotected['restat'] as object), key);
  await withTemporaryDirectory(async (directory) => {
    const target = join(directory, 't');
    const words = ['restore', 'host/t', 'root.pxar', target, '--repository', server.repository(), ...options];
    const { code, stderr } = await startRestat(words, { env: server.env }).result;
    t.is(code, 0, stderr);
    for (const [name, bytes] of CONTENTS) t.true(bytes.equals(readFileSync(join(target, name))), name);
  });
}

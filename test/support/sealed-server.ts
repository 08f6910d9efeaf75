/** Backups with a key to a small server in memory, and what it may do to them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeDynamicIndex } from '../../src/snapshot/dynamic-index.js';
import { decodeManifest, encodeManifest, type Manifest } from '../../src/snapshot/manifest.js';
import { type RunResult, restat } from './cli.js';
import { sha256 } from './replay/bodies.js';
import { type Certificate, makeCertificate } from './replay/certificate.js';
import { withSessionServer } from './session-server.js';
import { SessionStore } from './session-store.js';

export const MANIFEST = 'index.json.blob';
const [INDEX_HEADER, ENTRY, DIGEST] = [4096, 40, 8];

/** The files of a snapshot of host/t with this time. */
export function filesOf(store: SessionStore, time: number): Map<string, Buffer> {
  return new Map(store.snapshots.get(`host/t/${time}`));
}

export function manifestOf(store: SessionStore, time: number): Manifest {
  return decodeManifest(filesOf(store, time).get(MANIFEST)!);
}

/** The same snapshots and chunks, to be changed without changing the others. */
export function copyOf(store: SessionStore): SessionStore {
  const copy = new SessionStore();
  for (const [key, files] of store.snapshots) copy.snapshots.set(key, files);
  for (const [digest, container] of store.chunks) copy.chunks.set(digest, container);
  return copy;
}

/** Puts other bytes in the place of a file. */
export function replaceFile(store: SessionStore, time: number, name: string, bytes: Buffer): void {
  store.snapshots.set(`host/t/${time}`, filesOf(store, time).set(name, bytes));
}

export function changeManifest(
  store: SessionStore,
  time: number,
  change: (manifest: Manifest) => Manifest,
): void {
  replaceFile(store, time, MANIFEST, encodeManifest(change(manifestOf(store, time))));
}

/** Digests of an index in hex. */
export function digestsOf(store: SessionStore, time: number, name: string): string[] {
  const bytes = filesOf(store, time).get(name)!;
  const count = (bytes.length - INDEX_HEADER) / ENTRY;
  return Array.from({ length: count }, (_, i) => {
    const at = INDEX_HEADER + i * ENTRY + DIGEST;
    return bytes.toString('hex', at, at + 32);
  });
}

/** Length of the first chunk of an index, in bytes. */
export function firstLength(store: SessionStore, time: number, name: string): number {
  return Number(filesOf(store, time).get(name)!.readBigUInt64LE(INDEX_HEADER));
}

/** Puts another chunk in the place of the first one of an index, whose header agrees; its new checksum in hex. */
export function replaceDigest(store: SessionStore, time: number, name: string, other: string): string {
  const entries = Buffer.from(filesOf(store, time).get(name)!.subarray(INDEX_HEADER));
  entries.write(other, DIGEST, 'hex');
  replaceFile(store, time, name, encodeDynamicIndex({ uuid: Buffer.alloc(16), ctime: 0, entries }, name));
  return sha256(entries);
}

export interface SealedServer {
  /** Is empty at first; `remove` deletes it. */
  readonly directory: string;
  /** Runs `restat WORDS… --repository SERVER` with what this store has. */
  run(store: SessionStore, words: readonly string[], clockOffset?: number): Promise<RunResult>;
  remove(): void;
}

/** Servers with one certificate, for the tests of one file. */
export function sealedServer(): SealedServer {
  const directory = mkdtempSync(join(tmpdir(), 'restat-sealed-'));
  let made: Promise<Certificate> | undefined;
  return {
    directory,
    run: async (store, words, clockOffset = 0) => {
      made ??= makeCertificate();
      return withSessionServer({ store, certificate: await made }, ({ repository, env }) =>
        restat([...words, '--repository', repository()], { env, clockOffset }),
      );
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** The files of the newest snapshot of a group on disk, to be damaged. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeManifest, encodeManifest, type Manifest } from '../../src/snapshot/manifest.js';

const INDEX_HEADER = 4096;
const ENTRY = 40;
const MANIFEST = 'index.json.blob';

export class StoredSnapshot {
  readonly directory: string;
  readonly #store: string;

  constructor(store: string, group = 'host/t') {
    const newest = readdirSync(join(store, group))
      .filter((name) => /^\d{4}-/.test(name))
      .sort()
      .at(-1);
    if (newest === undefined) throw new Error(`no snapshot in ${group}`);
    this.#store = store;
    this.directory = join(store, group, newest);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Changes the bytes of a file of the snapshot. */
  edit(name: string, change: (bytes: Buffer) => Buffer | undefined): void {
    editFile(this.path(name), change);
  }

  /** Files of the chunks of an index, in its order. */
  chunkFiles(index: string): string[] {
    const entries = readFileSync(this.path(index)).subarray(INDEX_HEADER);
    return Array.from({ length: entries.length / ENTRY }, (_, i) => {
      const digest = entries.subarray(i * ENTRY + 8, (i + 1) * ENTRY).toString('hex');
      return join(this.#store, '.chunks', digest.slice(0, 4), digest);
    });
  }

  manifest(): Manifest {
    return decodeManifest(readFileSync(this.path(MANIFEST)));
  }

  changeManifest(change: (manifest: Manifest) => Manifest): void {
    writeFileSync(this.path(MANIFEST), encodeManifest(change(this.manifest())));
  }
}

/** Writes the bytes of a file anew as `change` leaves them or returns them. */
export function editFile(path: string, change: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = readFileSync(path);
  writeFileSync(path, change(bytes) ?? bytes);
}

/** Turns one byte round. */
export function flip(at: number): (bytes: Buffer) => undefined {
  return (bytes) => {
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  };
}

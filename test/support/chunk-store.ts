/** A directory with an empty `.chunks`, and what tests do to the files in it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { native } from '../../src/native.js';
import type { IngestSummary, NativeChunkStore } from '../../src/native-chunk.js';

/** A chunk of an index: where it ends in the stream, and its digest in hex. */
export interface IndexRow {
  readonly end: number;
  readonly digest: string;
}

export class ChunkDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** A new session on the same files. */
  open(sync: 'file' | 'none' = 'none'): NativeChunkStore {
    const owner = { uid: process.geteuid!(), gid: process.getegid!() };
    return new native.ChunkStore({ path: this.path, sync, ...owner });
  }

  file(digest: string): string {
    return join(this.path, '.chunks', digest.slice(0, 4), digest);
  }

  put(digest: string, bytes: Uint8Array): void {
    mkdirSync(dirname(this.file(digest)), { recursive: true });
    writeFileSync(this.file(digest), bytes);
  }

  /** Changes one byte in the middle of the file. */
  damage(digest: string): void {
    const bytes = readFileSync(this.file(digest));
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    writeFileSync(this.file(digest), bytes);
  }

  /** Names of all files, temporary ones included. */
  names(): string[] {
    const entries = readdirSync(join(this.path, '.chunks'), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  }
}

/** Calls `use` with an empty store in a directory that goes away afterwards. */
export async function withChunkDirectory<T>(use: (directory: ChunkDirectory) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'restat-chunks-'));
  try {
    mkdirSync(join(path, '.chunks'));
    return await use(new ChunkDirectory(path));
  } finally {
    rmSync(path, { recursive: true });
  }
}

export interface StreamOptions {
  readonly averageSize: number;
  /** Length of the pieces that are written. */
  readonly piece?: number;
}

/** Stores one stream. */
export async function ingest(
  store: NativeChunkStore,
  bytes: Uint8Array,
  { averageSize, piece = 1 << 20 }: StreamOptions,
): Promise<IngestSummary> {
  const stream = new native.Ingest({ store, averageSize, payload: false });
  for (let at = 0; at < bytes.length; at += piece) await stream.write(bytes.subarray(at, at + piece));
  return stream.finish();
}

/** The chunks that index entries name. */
export function rows(entries: Buffer): IndexRow[] {
  return Array.from({ length: entries.length / 40 }, (_, i) => ({
    end: Number(entries.readBigUInt64LE(40 * i)),
    digest: entries.toString('hex', 40 * i + 8, 40 * i + 40),
  }));
}

/** The streams of a pxar archive in a snapshot, ready to be read. */
import type { NativeChunkReader } from '../native-chunk.js';
import type { ByteSource } from '../pxar/byte-source.js';
import { checkStartMarker } from '../pxar/payload.js';
import type { SnapshotReader } from '../repository/repository.js';
import type { ServerName } from '../snapshot/archive-names.js';
import { RestoreError } from './errors.js';

export interface OpenArchive {
  /** Name of the stream that holds the tree. */
  readonly name: ServerName;
  /** The tree: the metadata stream, or the whole of a single archive. */
  readonly metadata: ByteSource;
  /** Where contents are read from: the payload stream, or the single archive itself. */
  readonly payload: NativeChunkReader;
  /** Length of a split archive's payload stream. */
  readonly payloadSize: number | undefined;
  /** Why nothing more can be read of it; undefined while something can. */
  readonly failure: () => Error | undefined;
}

/** Decoded chunks kept for reads of metadata: one at its longest and two of the average size. */
const METADATA_CACHE = 24 * 1024 * 1024;
/** Payload chunks are visited in order: what extraction keeps in flight is its own. */
const PAYLOAD_CACHE = 16 * 1024 * 1024;
const MARKER_SIZE = 16;
/** The longest read of one native call. */
const READ_MAX = 256 * 1024 * 1024;

/** A stream as a source of archive bytes. Reads longer than `readMax` are made of several: goodbye tables have no limit. */
export function byteSource(reader: NativeChunkReader, readMax = READ_MAX): ByteSource {
  const read = (offset: number, length: number): Promise<Buffer> =>
    length <= readMax ? reader.read(offset, length) : readInParts(reader, offset, length, readMax);
  return { size: reader.size(), read };
}

async function readInParts(
  reader: NativeChunkReader,
  offset: number,
  length: number,
  readMax: number,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let at = 0; at < length; at += readMax) {
    const part = await reader.read(offset + at, Math.min(readMax, length - at));
    bytes.set(part, at);
  }
  return bytes;
}

/**
 * Opens a pxar archive by the name a user gives it. Throws RestoreError `RESTORE_ARCHIVE` for another kind, PxarError when the
 * payload stream does not begin as one.
 */
export async function openArchive(snapshot: SnapshotReader, name: string): Promise<OpenArchive> {
  const files = snapshot.files(name);
  const failure = (): Error | undefined => snapshot.failure;
  if (files.kind === 'single') {
    if (!files.name.endsWith('.pxar.didx')) {
      throw new RestoreError('RESTORE_ARCHIVE', `${files.name} is not a pxar archive`);
    }
    const reader = snapshot.open(await snapshot.index(files.name), METADATA_CACHE);
    const streams = { metadata: byteSource(reader), payload: reader, payloadSize: undefined };
    return { name: files.name, ...streams, failure };
  }
  const metadata = snapshot.open(await snapshot.index(files.metadata), METADATA_CACHE);
  const payload = snapshot.open(await snapshot.index(files.payload), PAYLOAD_CACHE);
  checkStartMarker(await payload.read(0, Math.min(MARKER_SIZE, payload.size())), files.payload);
  const streams = { metadata: byteSource(metadata), payload, payloadSize: payload.size() };
  return { name: files.metadata, ...streams, failure };
}

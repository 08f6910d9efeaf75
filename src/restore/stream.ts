/** Bytes of a snapshot's files, in order, for standard output or a new file. */
import type { NativeChunkReader } from '../native-chunk.js';

const PIECE = 4 * 1024 * 1024;

/** A part of the stream behind an index, all of it by default; the next piece is read while one is used. */
export async function* streamBytes(
  reader: NativeChunkReader,
  start = 0,
  end: number = reader.size(),
): AsyncGenerator<Buffer> {
  const piece = (offset: number): Promise<Buffer> | undefined => {
    if (offset >= end) return undefined;
    const bytes = reader.read(offset, Math.min(PIECE, end - offset));
    bytes.catch(() => undefined);
    return bytes;
  };
  let offset = start;
  for (let next = piece(offset); next !== undefined; ) {
    const bytes = await next;
    offset += bytes.length;
    next = piece(offset);
    yield bytes;
  }
}

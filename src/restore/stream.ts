/** Bytes of a snapshot's files, in order, for standard output or a new file. */
import type { NativeChunkReader } from '../native-chunk.js';

const PIECE = 4 * 1024 * 1024;

/** The whole stream behind an index, the next piece read while one is used. */
export async function* streamBytes(reader: NativeChunkReader): AsyncGenerator<Buffer> {
  const size = reader.size();
  const piece = (offset: number): Promise<Buffer> | undefined => {
    if (offset >= size) return undefined;
    const bytes = reader.read(offset, Math.min(PIECE, size - offset));
    bytes.catch(() => undefined);
    return bytes;
  };
  let offset = 0;
  for (let next = piece(0); next !== undefined; ) {
    const bytes = await next;
    offset += bytes.length;
    next = piece(offset);
    yield bytes;
  }
}

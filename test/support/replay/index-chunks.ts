/** Chunks that an index file names. indexes-blobs-chunks.md §2, §3. */
const HEADER = 4096;
const DYNAMIC_ENTRY = 40;
const DIGEST = 32;
/** Offsets in the header of a fixed index. */
const FIXED_SIZE = 64;
const FIXED_CHUNK_SIZE = 72;

function* dynamicChunks(bytes: Buffer): Generator<[string, number]> {
  let start = 0;
  for (let at = HEADER; at < bytes.length; at += DYNAMIC_ENTRY) {
    const end = Number(bytes.readBigUInt64LE(at));
    yield [bytes.toString('hex', at + 8, at + DYNAMIC_ENTRY), end - start];
    start = end;
  }
}

function* fixedChunks(bytes: Buffer): Generator<[string, number]> {
  const size = Number(bytes.readBigUInt64LE(FIXED_SIZE));
  const chunkSize = Number(bytes.readBigUInt64LE(FIXED_CHUNK_SIZE));
  for (let at = HEADER, start = 0; at < bytes.length; at += DIGEST, start += chunkSize)
    yield [bytes.toString('hex', at, at + DIGEST), Math.min(chunkSize, size - start)];
}

/** Digest and plain length of each chunk in order; nothing for files that are no index. */
export function indexChunks(bytes: Buffer, name: string): Iterable<[digest: string, size: number]> {
  if (name.endsWith('.didx')) return dynamicChunks(bytes);
  return name.endsWith('.fidx') ? fixedChunks(bytes) : [];
}

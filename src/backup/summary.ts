/** Figures of archives that are not trees. */
import type { IngestSummary } from '../native-chunk.js';
import type { ArchiveName } from '../snapshot/archive-names.js';
import type { ArchiveSummary } from './archive.js';

/** An archive of one stream, or of none that was cut into chunks. */
export function plainSummary(archive: ArchiveName, payload: IngestSummary): ArchiveSummary {
  return { archive, payload, metadata: undefined, untrusted: [], untrustedCount: 0, padding: undefined };
}

/** `size` bytes that are no chunks: what a dry run would store, or a blob, `stored` bytes long. */
export function unchunked(size: number, stored = 0): IngestSummary {
  const nothing = { newChunks: 0, knownChunks: 0, knownBytes: 0, injectedChunks: 0, injectedBytes: 0 };
  const stats = { ...nothing, newBytes: stored === 0 ? 0 : size, newEncodedBytes: stored };
  return { entries: Buffer.alloc(0), size, chunks: 0, csum: Buffer.alloc(0), stats };
}

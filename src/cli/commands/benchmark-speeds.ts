/** How fast this machine does what a backup does with chunks, on one core. cli.md §4.3. */
import { createHash, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encipher } from '../../keys/gcm.js';
import { native } from '../../native.js';
import { decodeBlob, encodeBlob } from '../../snapshot/blob.js';

/** Length of the data that is worked on: that of a chunk, in bytes. */
const CHUNK = 4 * 1024 * 1024;

/** Seconds, from any start. */
export type Stopwatch = () => number;

interface MeasureOptions {
  readonly now: Stopwatch;
  /** Stretches the times. */
  readonly scale: number;
  readonly signal: AbortSignal;
  /** What is encrypted with: 32 bytes. */
  readonly key: Buffer;
}

/** Bytes per second of work on one chunk, repeated until `seconds` are over. */
async function speedOf(
  work: () => void,
  seconds: number,
  { now, scale, signal }: Omit<MeasureOptions, 'key'>,
): Promise<number> {
  const start = now();
  for (let bytes = CHUNK; ; bytes += CHUNK) {
    work();
    const passed = now() - start;
    if (passed >= seconds * scale) return bytes / passed;
    // Signals arrive in between.
    await nextTurn();
    signal.throwIfAborted();
  }
}

/** Data of four letters: it compresses, and not to nothing. */
function letters(): Buffer {
  const bytes = randomBytes(CHUNK);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = 65 + (bytes[i]! & 3);
  return bytes;
}

export type Tested = 'sha256' | 'compress' | 'decompress' | 'aes256_gcm' | 'verify';

/** What is measured, in this order, and for how many seconds. */
const SECONDS: readonly (readonly [Tested, number])[] = [
  ['sha256', 1],
  ['compress', 3],
  ['decompress', 1],
  ['aes256_gcm', 1],
  ['verify', 1],
];

function workOn(data: Buffer, key: Buffer): Readonly<Record<Tested, () => void>> {
  const blob = encodeBlob(data, 'benchmark', { compress: true });
  const compressed = native.zstdCompress(data) ?? Buffer.alloc(0);
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const digest = sha256(data);
  return {
    sha256: () => sha256(data),
    compress: () => native.zstdCompress(data),
    decompress: () => native.zstdDecompress(compressed, CHUNK),
    aes256_gcm: () => encipher(key, data),
    verify: () => {
      if (sha256(decodeBlob(blob, 'benchmark')) !== digest) throw new Error('a chunk changed in memory');
    },
  };
}

/** Measures one after the other, in bytes per second, and tells of each. Throws the signal's reason. */
export async function measureSpeeds(
  tell: (tested: Tested, bytesPerSecond: number) => void,
  options: MeasureOptions,
): Promise<void> {
  const work = workOn(letters(), options.key);
  for (const [tested, seconds] of SECONDS) tell(tested, await speedOf(work[tested], seconds, options));
}

/** The container of blobs and chunks: magic, CRC-32, content. indexes-blobs-chunks.md §1, §4. */
import type { EncryptionKey } from '../keys/encryption-key.js';
import { decipher, encipher } from '../keys/gcm.js';
import { native } from '../native.js';
import { BlobError } from './errors.js';

/** Offsets. §4.1. */
const CRC = 8;
const DATA = 12;
/** In encrypted containers: IV of 16 bytes and tag of 16 bytes come before the data. */
const TAG = 28;
const ENCRYPTED_DATA = 44;
const MAGIC_SIZE = 8;

/** The four containers by their magic. §1. */
const CONTAINERS: ReadonlyMap<string, { readonly compressed: boolean; readonly encrypted: boolean }> =
  new Map([
    ['42ab3807be8370a1', { compressed: false, encrypted: false }],
    ['31b958426fb6a37f', { compressed: true, encrypted: false }],
    ['7b6785be222d4cf0', { compressed: false, encrypted: true }],
    ['e6591bbf0bbfd80b', { compressed: true, encrypted: true }],
  ]);

/** Longest content of a blob, in bytes. §4.1. */
export const MAX_BLOB_CONTENT: number = 128 * 1024 * 1024;

/** What the header of a container says. */
export interface Container {
  readonly compressed: boolean;
  readonly encrypted: boolean;
  /** Offset of the stored data, which the CRC covers. */
  readonly data: number;
}

/** Checks magic, length and CRC; needs no key. `file` is the name for errors. Throws BlobError. */
export function checkContainer(bytes: Buffer, file: string): Container {
  if (bytes.length < DATA)
    throw new BlobError('BLOB_SHORT', file, `${bytes.length} bytes are too short for a blob`);
  const kind = CONTAINERS.get(bytes.subarray(0, MAGIC_SIZE).toString('hex'));
  if (kind === undefined) throw new BlobError('BLOB_MAGIC', file, 'not a blob');
  const data = kind.encrypted ? ENCRYPTED_DATA : DATA;
  if (bytes.length < data)
    throw new BlobError('BLOB_SHORT', file, `${bytes.length} bytes are too short for an encrypted blob`);
  if (native.crc32(bytes.subarray(data)) !== bytes.readUInt32LE(CRC)) {
    throw new BlobError('BLOB_CRC', file, 'the checksum does not match the content');
  }
  return { ...kind, data };
}

/**
 * The content of a blob or chunk, at most `maxBytes` long. Neither compressed nor encrypted, it is a view of `bytes`. With a key it must
 * be encrypted with it, without one it must not be encrypted. `file` is the name for errors. Throws BlobError.
 */
export function decodeBlob(
  bytes: Buffer,
  file: string,
  maxBytes: number = MAX_BLOB_CONTENT,
  key?: EncryptionKey,
): Buffer {
  const { compressed, encrypted, data } = checkContainer(bytes, file);
  if (encrypted && key === undefined)
    throw new BlobError('BLOB_ENCRYPTED', file, 'the content is encrypted and there is no key');
  if (!encrypted && key !== undefined)
    throw new BlobError('BLOB_PLAIN', file, 'the content is not encrypted, as it should be');
  const stored = key === undefined ? bytes.subarray(data) : decrypt(bytes, key, file);
  if (compressed) return decompress(stored, file, maxBytes);
  if (stored.length > maxBytes)
    throw new BlobError('BLOB_TOO_LARGE', file, `content of more than ${maxBytes} bytes`);
  return stored;
}

/** §4.1. */
function decrypt(bytes: Buffer, key: EncryptionKey, file: string): Buffer {
  const { secret } = key;
  const [iv, tag] = [bytes.subarray(DATA, TAG), bytes.subarray(TAG, ENCRYPTED_DATA)];
  try {
    return decipher(secret, { iv, tag, data: bytes.subarray(ENCRYPTED_DATA) });
  } catch (cause) {
    throw new BlobError('BLOB_TAG', file, 'the key is another one, or the content was changed', { cause });
  }
}

function decompress(stored: Buffer, file: string, maxBytes: number): Buffer {
  try {
    return native.zstdDecompress(stored, maxBytes);
  } catch (cause) {
    throw new BlobError(
      'BLOB_ZSTD',
      file,
      `the content cannot be decompressed to at most ${maxBytes} bytes`,
      { cause },
    );
  }
}

/** How a blob is stored. */
export interface BlobOptions {
  /** Store compressed where that is not longer. */
  readonly compress: boolean;
  /** Encrypts it, after it was compressed. */
  readonly key?: EncryptionKey | undefined;
}

/** Wraps content in a container. `file` is the name for errors. Throws BlobError `BLOB_TOO_LARGE`, and TypeError for a wiped key. */
export function encodeBlob(content: Buffer, file: string, { compress, key }: BlobOptions): Buffer {
  if (content.length > MAX_BLOB_CONTENT) {
    throw new BlobError('BLOB_TOO_LARGE', file, `content of more than ${MAX_BLOB_CONTENT} bytes`);
  }
  const compressed = compress && content.length > 0 ? native.zstdCompress(content) : undefined;
  const stored = compressed ?? content;
  const isCompressed = compressed !== undefined;
  if (key === undefined) return contained({ compressed: isCompressed, encrypted: false }, [stored]);
  const { iv, tag, data } = encipher(key.secret, stored);
  return contained({ compressed: isCompressed, encrypted: true }, [iv, tag, data]);
}

/** The CRC covers the last part. */
function contained(
  { compressed, encrypted }: Omit<Container, 'data'>,
  parts: readonly [...Buffer[], Buffer],
): Buffer {
  const crc = Buffer.alloc(DATA - CRC);
  crc.writeUInt32LE(native.crc32(parts[parts.length - 1]!));
  return Buffer.concat([magicOf(compressed, encrypted), crc, ...parts]);
}

function magicOf(compressed: boolean, encrypted: boolean): Buffer {
  for (const [magic, kind] of CONTAINERS)
    if (kind.compressed === compressed && kind.encrypted === encrypted) return Buffer.from(magic, 'hex');
  throw new TypeError('there are four containers');
}

/** Uploaded containers by what is in them: encoders and IVs may differ, the content may not. protocol.md §5.3. */
import { z } from 'zod';
import { checkContainer, decodeBlob } from '../../../src/snapshot/blob.js';
import { sha256 } from './bodies.js';
import { openedByMaster, type RecordedKey } from './recorded-key.js';

/** Longest plain chunk, in bytes. */
const MAX_CHUNK = 16 * 1024 * 1024;
/** Is encrypted for a master key, in a plain container. */
const MASTER_BLOB = 'rsa-encrypted.key.blob';

/** The content; undefined for an encrypted container without a key. Throws with the reason where it is damaged. */
export function contentOf(bytes: Buffer, name: string, key?: RecordedKey): Buffer | undefined {
  if (!checkContainer(bytes, name).encrypted) return decodeBlob(bytes, name, MAX_CHUNK);
  return key?.open(bytes);
}

/** What a server refuses a chunk for; undefined if it takes it. `size` is the announced plain length. */
export function chunkProblem(bytes: Buffer, digest: string, size: number): string | undefined {
  const plain = contentOf(bytes, digest);
  if (plain === undefined) return undefined;
  if (plain.length !== size) return `detected chunk with wrong length (${size} != ${plain.length})`;
  return sha256(plain) === digest ? undefined : 'detected chunk with wrong digest.';
}

/** What is wrong with a chunk that a server cannot see; undefined if all is right. `key` is the recorded client's. */
export function sealProblem(
  bytes: Buffer,
  digest: string,
  size: number,
  key: RecordedKey | undefined,
): string | undefined {
  const { encrypted } = checkContainer(bytes, digest);
  if (encrypted !== (key !== undefined)) return `the chunk is ${encrypted ? '' : 'not '}encrypted`;
  if (key === undefined) return undefined;
  let plain: Buffer;
  try {
    plain = key.open(bytes);
  } catch {
    return 'the recorded key does not open the chunk';
  }
  if (plain.length !== size) return `the encrypted chunk has ${plain.length} bytes, not ${size}`;
  return key.digest(plain) === digest ? undefined : 'the digest is not that of the recorded key';
}

/** Whether two containers hold the same, and both are encrypted, or none is. */
export function sameContent(recorded: Buffer, sent: Buffer, name: string, key?: RecordedKey): boolean {
  if (checkContainer(recorded, name).encrypted !== checkContainer(sent, name).encrypted) return false;
  const [expected, actual] = [contentOf(recorded, name, key), contentOf(sent, name, key)];
  if (expected === undefined || actual === undefined) return true;
  if (name === MASTER_BLOB) return masterKeyFile(expected) === masterKeyFile(actual);
  return expected.equals(actual);
}

/** The key file in the blob, but for the time of the run. */
function masterKeyFile(sealed: Buffer): string {
  const { modified: _, ...file } = z
    .looseObject({ modified: z.string() })
    .parse(JSON.parse(openedByMaster(sealed)));
  return JSON.stringify(file);
}

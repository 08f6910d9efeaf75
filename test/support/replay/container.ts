/** Uploaded containers by what is in them: encoders may differ, the content may not. protocol.md §5.3. */
import { checkContainer, decodeBlob } from '../../../src/snapshot/blob.js';
import { sha256 } from './bodies.js';

/** Longest plain chunk, in bytes. */
const MAX_CHUNK = 16 * 1024 * 1024;

/** The content; undefined for an encrypted container. Throws with the reason where it is damaged. */
export function contentOf(bytes: Buffer, name: string): Buffer | undefined {
  return checkContainer(bytes, name).encrypted ? undefined : decodeBlob(bytes, name, MAX_CHUNK);
}

/** What a server refuses a chunk for; undefined if it takes it. `size` is the announced plain length. */
export function chunkProblem(bytes: Buffer, digest: string, size: number): string | undefined {
  const plain = contentOf(bytes, digest);
  if (plain === undefined) return undefined;
  if (plain.length !== size) return `detected chunk with wrong length (${size} != ${plain.length})`;
  return sha256(plain) === digest ? undefined : 'detected chunk with wrong digest.';
}

/** Whether two containers hold the same; encrypted ones are only asked whether both are. */
export function sameContent(recorded: Buffer, sent: Buffer, name: string): boolean {
  const [expected, actual] = [contentOf(recorded, name), contentOf(sent, name)];
  return expected === undefined || actual === undefined ? expected === actual : expected.equals(actual);
}

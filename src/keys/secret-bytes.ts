/** Memory for key material, which can be overwritten as a whole. */
import { randomFillSync } from 'node:crypto';

/**
 * Zeros to put key material into. V8 keeps the bytes of small arrays inside their objects, which its garbage collector moves without
 * overwriting the old place; those of an ArrayBuffer of its own stay where they are.
 */
export function secretBytes(length: number): Buffer {
  return Buffer.from(new ArrayBuffer(length));
}

/** A copy of key material; the original stays as it is. */
export function secretCopy(bytes: Buffer): Buffer {
  const copy = secretBytes(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** New key material. */
export function randomSecret(length: number): Buffer {
  return randomFillSync(secretBytes(length));
}

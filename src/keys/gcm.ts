/** AES-256-GCM as key files and blobs have it. indexes-blobs-chunks.md §4.1, §9. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';

/** Length of IV and tag, in bytes. */
export const IV_BYTES = 16;
export const TAG_BYTES = 16;

export interface Enciphered {
  /** Random. */
  readonly iv: Buffer;
  readonly tag: Buffer;
  /** As long as what was encrypted. */
  readonly data: Buffer;
}

/** Encrypts with a key of 32 bytes. */
export function encipher(key: Buffer, content: Buffer): Enciphered {
  const iv = randomBytes(IV_BYTES);
  const encryption = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  // This mode keeps nothing back for the end.
  const data = encryption.update(content);
  encryption.final();
  return { iv, tag: encryption.getAuthTag(), data };
}

/** What `encipher` has encrypted. Throws Node's error for another key and for changed data, which look the same. */
export function decipher(key: Buffer, { iv, tag, data }: Enciphered): Buffer {
  const decryption = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  decryption.setAuthTag(tag);
  // As GCM has it, these bytes are there before the tag is looked at.
  const content = decryption.update(data);
  try {
    decryption.final();
    return content;
  } catch (error) {
    content.fill(0);
    throw error;
  }
}

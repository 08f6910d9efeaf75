/** AES-256-GCM as key files and blobs have it. indexes-blobs-chunks.md §4.1, §9. */
import { createDecipheriv } from 'node:crypto';

const CIPHER = 'aes-256-gcm';

/**
 * What was encrypted with a key of 32 bytes, an IV and a tag of 16 bytes each. Throws Node's error for another key and for changed data, which
 * look the same.
 */
export function decipher(key: Buffer, iv: Buffer, tag: Buffer, data: Buffer): Buffer {
  const decryption = createDecipheriv(CIPHER, key, iv, { authTagLength: tag.length });
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

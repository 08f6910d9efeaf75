/** Blobs of a session as they are sent. protocol.md §5.3. */
import { checkContainer } from '../../snapshot/blob.js';
import { BlobError } from '../../snapshot/errors.js';
import { CallError } from '../http/call-error.js';
import type { Uploaded } from './session-endpoint.js';

const TEXTS: Readonly<Partial<Record<BlobError['code'], (length: number) => string>>> = {
  BLOB_CRC: () => 'Data blob has wrong CRC checksum.',
  BLOB_MAGIC: () => 'unable to parse raw blob - wrong magic',
  BLOB_SHORT: (length) => `blob too small (${length} bytes).`,
};

/** The blob's bytes, whose length and checksum are right. Throws CallError. */
export function checkedUpload(name: string, announced: number, { parts, length }: Uploaded): Buffer {
  if (!name.endsWith('.blob')) throw new CallError(400, `wrong blob file extension: '${name}'`);
  if (length !== announced)
    throw new CallError(400, `got blob with unexpected length (${announced} != ${length})`);
  const bytes = Buffer.concat(parts);
  try {
    checkContainer(bytes, name);
  } catch (cause) {
    const text = cause instanceof BlobError ? TEXTS[cause.code]?.(length) : undefined;
    throw text === undefined ? cause : new CallError(400, text, { cause });
  }
  return bytes;
}

/** Encryption blocks of RSA with PKCS#1 v1.5: `00 02`, at least eight bytes that are not zero, `00`, the message. RFC 8017 §7.2. */

const TYPE = 2;
/** Where the filling begins, and how long it is at least, in bytes. */
const FILLING = 2;
const FILLING_MIN = 8;

/** The message, a view of the block; undefined for anything else. */
export function unpad(block: Buffer): Buffer | undefined {
  const end = block.indexOf(0, FILLING);
  if (block[0] !== 0 || block[1] !== TYPE || end < FILLING + FILLING_MIN) return undefined;
  return block.subarray(end + 1);
}

/** Passwords and token secrets as they are kept: scrypt hashes with their own salt and cost. */
import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';

/** Cost of a hash: 128·n·r bytes of memory, p times. */
export interface ScryptCost {
  /** A power of two. */
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB, three times: one of the settings that OWASP's password storage advice names. */
export const DEFAULT_COST: ScryptCost = { n: 2 ** 15, r: 8, p: 3 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const MAX_N = 2 ** 18;
/** No stored hash makes the server take more memory than this, in bytes. */
const MAX_MEMORY = 128 * 1024 * 1024;
/** scrypt needs a little more than its table. */
const SLACK = 1024 * 1024;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Bytes of so many as text. */
function bytesOf(count: number): z.ZodType<string> {
  const message = `must be base64 of ${count} bytes`;
  return z
    .string()
    .max(4 * count)
    .refine((text) => BASE64.test(text) && Buffer.from(text, 'base64').length === count, message);
}

/** A hash as it stands in the access file. */
export const secretHashSchema = z
  .strictObject({
    n: z.int().min(2).max(MAX_N),
    r: z.int().min(1).max(32),
    p: z.int().min(1).max(16),
    salt: bytesOf(SALT_BYTES),
    hash: bytesOf(HASH_BYTES),
  })
  .readonly()
  .refine(
    ({ n, r }) => Number.isInteger(Math.log2(n)) && 128 * n * r <= MAX_MEMORY,
    'too costly, or n is no power of two',
  );

export type SecretHash = z.infer<typeof secretHashSchema>;

/** HMAC, and with it scrypt, takes a key with zeros behind it, and a long key's digest, for the key itself. */
function asKey(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function derive(secret: string, salt: Buffer, { n, r, p }: ScryptCost): Promise<Buffer> {
  const options: ScryptOptions = { N: n, r, p, maxmem: 128 * n * r + 128 * r * p + SLACK };
  return new Promise((resolve, reject) => {
    scrypt(asKey(secret), salt, HASH_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** Hashes a secret with a new salt, off-thread. */
export async function hashSecret(secret: string, cost: ScryptCost = DEFAULT_COST): Promise<SecretHash> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(secret, salt, cost);
  const { n, r, p } = cost;
  return { n, r, p, salt: salt.toString('base64'), hash: hash.toString('base64') };
}

/** True if it is the secret of this hash; takes as long whether it is or not. Computed off-thread. */
export async function verifySecret(secret: string, stored: SecretHash): Promise<boolean> {
  const computed = await derive(secret, Buffer.from(stored.salt, 'base64'), stored);
  return timingSafeEqual(computed, Buffer.from(stored.hash, 'base64'));
}

/** A hash that no secret has: checking against it costs what a real check costs. */
export function impossibleHash({ n, r, p }: ScryptCost = DEFAULT_COST): SecretHash {
  const random = (bytes: number): string => randomBytes(bytes).toString('base64');
  return { n, r, p, salt: random(SALT_BYTES), hash: random(HASH_BYTES) };
}

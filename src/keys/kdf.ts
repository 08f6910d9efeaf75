/** How the key that encrypts a key file comes of a password. indexes-blobs-chunks.md §9. */
import { pbkdf2, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { KeyError } from './errors.js';

export type KdfName = 'none' | 'scrypt' | 'pbkdf2';

export interface ScryptKdf {
  readonly name: 'scrypt';
  /** Rounds; a power of two. */
  readonly n: number;
  /** Blocks of 128 bytes. */
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
}

export interface Pbkdf2Kdf {
  readonly name: 'pbkdf2';
  readonly iterations: number;
  readonly salt: Buffer;
}

/** A key that is stored in clear has none. */
export type Kdf = ScryptKdf | Pbkdf2Kdf;

const SALT_BYTES = 32;
const KEY_BYTES = 32;
/** What is written. */
const SCRYPT = { n: 65_536, r: 8, p: 1 } as const;
const ITERATIONS = 65_535;

/** What a file may ask for. Memory is that of the reference client, in bytes. */
const MAX_MEMORY = 1025 * 1024 * 1024;
/** n·r·p: 16 times what is written, some seconds. */
const MAX_WORK = 16 * SCRYPT.n * SCRYPT.r * SCRYPT.p;
/** Some seconds, too. */
const MAX_ITERATIONS = 10_000_000;
const BLOCK_BYTES = 128;

function checkScrypt({ n, r, p }: ScryptKdf): void {
  const whole = [n, r, p].every((value) => Number.isSafeInteger(value) && value >= 1);
  if (!whole || n < 2 || !Number.isInteger(Math.log2(n)))
    throw new KeyError('KEY_KDF', 'the key asks for scrypt with impossible parameters');
  if (n * r * p > MAX_WORK || memoryOf(n, r, p) > MAX_MEMORY)
    throw new KeyError(
      'KEY_KDF',
      'the key asks for more scrypt than is allowed: more than 1 GiB, or some seconds',
    );
}

/** Bytes of memory that scrypt takes. */
function memoryOf(n: number, r: number, p: number): number {
  return BLOCK_BYTES * r * (n + p + 2);
}

function checkPbkdf2({ iterations }: Pbkdf2Kdf): void {
  if (!Number.isSafeInteger(iterations) || iterations < 1 || iterations > MAX_ITERATIONS)
    throw new KeyError('KEY_KDF', `the key asks for PBKDF2 with other than 1 to ${MAX_ITERATIONS} rounds`);
}

/** Throws KeyError `KEY_KDF` for parameters that are none, or would take more than 1025 MiB or some seconds. */
export function checkKdf(kdf: Kdf): void {
  if (kdf.name === 'scrypt') checkScrypt(kdf);
  else checkPbkdf2(kdf);
}

/** What a new file is written with: a salt of its own. */
export function newKdf(name: Kdf['name']): Kdf {
  const salt = randomBytes(SALT_BYTES);
  return name === 'scrypt' ? { name, ...SCRYPT, salt } : { name, iterations: ITERATIONS, salt };
}

const scryptAsync = promisify<
  Buffer,
  Buffer,
  number,
  { N: number; r: number; p: number; maxmem: number },
  Buffer
>(scrypt);
const pbkdf2Async = promisify(pbkdf2);

/** 32 bytes, made off-thread; the caller wipes them. Throws KeyError `KEY_KDF`. */
export function deriveKey(password: Buffer, kdf: Kdf): Promise<Buffer> {
  checkKdf(kdf);
  if (kdf.name === 'pbkdf2') return pbkdf2Async(password, kdf.salt, kdf.iterations, KEY_BYTES, 'sha256');
  const { n, r, p, salt } = kdf;
  return scryptAsync(password, salt, KEY_BYTES, { N: n, r, p, maxmem: memoryOf(n, r, p) });
}

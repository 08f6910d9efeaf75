/** Blobs and chunks that were encrypted by the reference client, and what passes for them. indexes-blobs-chunks.md §4. */
import { createCipheriv, createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { z } from 'zod';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { native } from '../../src/native.js';
import { decodeBlob, encodeBlob } from '../../src/snapshot/blob.js';
import { BlobError } from '../../src/snapshot/errors.js';
import { EXAMPLE, KEYS } from '../keys/vectors.js';
import { fixture } from './fixtures.js';

const MAGIC = Buffer.from('7b6785be222d4cf0', 'hex');
const MAGIC_ZSTD = Buffer.from('e6591bbf0bbfd80b', 'hex');
const HEADER = 44;

const stored = z.object({
  file: z.string(),
  container: z.string(),
  content_bytes: z.number(),
  content_sha256: z.string(),
});
const sets = z.object({
  sets: z.array(z.object({ directory: z.string(), key: z.string().nullable(), blobs: z.array(stored) })),
});
const chunks = z.array(stored.extend({ key: z.string().nullable() }));

function keyNamed(file: string): EncryptionKey {
  const recorded = KEYS.find((each) => each.file === file);
  if (recorded === undefined) throw new Error(`no key ${file}`);
  return new EncryptionKey(Buffer.from(recorded.enc_key, 'hex'));
}

const exampleKey = (): EncryptionKey => new EncryptionKey(Buffer.from(EXAMPLE.secret, 'hex'));

const json = (path: string): unknown => JSON.parse(fixture(path).toString());
const golden = [
  ...sets
    .parse(json('blobs/blobs.json'))
    .sets.flatMap(({ directory, key, blobs }) =>
      blobs.map((blob) => ({ ...blob, key, path: `blobs/${directory}/${blob.file}` })),
    ),
  ...chunks
    .parse(json('blobs/chunks.json'))
    .map((chunk) => ({ ...chunk, path: `blobs/chunks/${chunk.file}` })),
];
const encrypted = golden.filter(({ container }) => container.endsWith('encrypted'));

/** An encrypted container made without `src`; its checksum is right. */
function sealed(secret: string, stored: Buffer, magic: Buffer): Buffer {
  const iv = Buffer.alloc(16, 9);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(secret, 'hex'), iv);
  const body = Buffer.concat([cipher.update(stored), cipher.final()]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(native.crc32(body));
  return Buffer.concat([magic, crc, iv, cipher.getAuthTag(), body]);
}

/** The same bytes with a checksum that fits: whoever changes them on purpose mends it. */
function mended(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(native.crc32(bytes.subarray(HEADER)), 8);
  return bytes;
}

test('there are encrypted blobs of two keys, compressed and not, and chunks', (t) => {
  t.is(encrypted.length, 17);
  t.deepEqual([...new Set(encrypted.map(({ key }) => key))], ['key-scrypt.json', 'key-pbkdf2.json']);
  t.is(new Set(encrypted.map(({ container }) => container)).size, 2);
});

for (const { path, key, container, content_bytes: length, content_sha256: sha256 } of encrypted) {
  test(`${path} opens with its key and no other, up to its length`, (t) => {
    const bytes = fixture(path);
    const copy = Buffer.from(bytes);
    const content = decodeBlob(bytes, path, length, keyNamed(key!));
    t.deepEqual([content.length, createHash('sha256').update(content).digest('hex')], [length, sha256]);
    t.true(bytes.equals(copy), 'what is stored is not written over');
    t.throws(() => decodeBlob(bytes, path, length, keyNamed('key-none.json')), { code: 'BLOB_TAG' });
    t.throws(() => decodeBlob(bytes, path, length), { code: 'BLOB_ENCRYPTED' });
    if (length > 0)
      t.throws(() => decodeBlob(bytes, path, length - 1, keyNamed(key!)), {
        instanceOf: BlobError,
        code: container.startsWith('zstd') ? 'BLOB_ZSTD' : 'BLOB_TOO_LARGE',
      });
  });
}

for (const { path } of golden.filter(({ container }) => ['plain', 'zstd'].includes(container))) {
  test(`${path} is not encrypted, and does not pass for a blob that is`, (t) => {
    t.throws(() => decodeBlob(fixture(path), path, undefined, exampleKey()), { code: 'BLOB_PLAIN' });
  });
}

test('the encrypted examples of the specification open', (t) => {
  const hello =
    '7b6785be222d4cf0499d991b101112131415161718191a1b1c1d1e1fbbe022b70269e0f0d9e91942ac3d0c83e23f560c88';
  const zeros =
    'e6591bbf0bbfd80b522c3131101112131415161718191a1b1c1d1e1fcc6b057c1b547b78980a401e8430b8ffa2ef159dc7157eaf6b1b9e69b6a02e009c';
  const open = (hex: string): Buffer => decodeBlob(Buffer.from(hex, 'hex'), 'x', 100, exampleKey());
  t.is(open(hello).toString(), 'hello');
  t.true(open(zeros).equals(Buffer.alloc(100)));
});

test('every changed bit of an encrypted blob is noticed, also by who mends the checksum', (t) => {
  const blob = fixture('blobs/encrypt-scrypt/zeros.conf.blob');
  const key = keyNamed('key-scrypt.json');
  fc.assert(
    fc.property(fc.nat({ max: blob.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const bytes = Buffer.from(blob);
      bytes[at]! ^= mask;
      t.throws(() => decodeBlob(bytes, 'x', undefined, key), { instanceOf: BlobError });
      if (at >= 12) t.throws(() => decodeBlob(mended(bytes), 'x', undefined, key), { code: 'BLOB_TAG' });
    }),
  );
});

test('an encrypted blob that was cut is refused', (t) => {
  const blob = fixture('blobs/encrypt-scrypt/text.conf.blob');
  const key = keyNamed('key-scrypt.json');
  for (let length = 0; length < blob.length; length += length < 60 ? 1 : 97) {
    const cut = Buffer.from(blob.subarray(0, length));
    const code = length < HEADER ? 'BLOB_SHORT' : 'BLOB_CRC';
    t.throws(() => decodeBlob(cut, 'x', undefined, key), { instanceOf: BlobError, code }, `${length}`);
    if (length >= HEADER) t.throws(() => decodeBlob(mended(cut), 'x', undefined, key), { code: 'BLOB_TAG' });
  }
});

test('compressed does not pass for not compressed: a reader gets what was encrypted, or an error', (t) => {
  const blob = sealed(EXAMPLE.secret, Buffer.from('hello'), MAGIC);
  t.is(decodeBlob(blob, 'x', 5, exampleKey()).toString(), 'hello');
  MAGIC_ZSTD.copy(blob);
  t.throws(() => decodeBlob(blob, 'x', 5, exampleKey()), { code: 'BLOB_ZSTD' });
});

test('what would unpack to more than may be is refused', (t) => {
  const frame = encodeBlob(Buffer.alloc(1_000_000), 'x', { compress: true }).subarray(12);
  const blob = sealed(EXAMPLE.secret, frame, MAGIC_ZSTD);
  t.is(decodeBlob(blob, 'x', 1_000_000, exampleKey()).length, 1_000_000);
  t.throws(() => decodeBlob(blob, 'x', 999_999, exampleKey()), { code: 'BLOB_ZSTD' });
});

test('a key that was wiped opens and verifies nothing', (t) => {
  const key = exampleKey();
  key.wipe();
  const zeroed = sealed('00'.repeat(32), Buffer.from('hello'), MAGIC);
  t.throws(() => decodeBlob(zeroed, 'x', 5, key), { message: 'the key has been wiped' });
  t.throws(() => key.toNative(), { message: 'the key has been wiped' });
  t.throws(() => key.verifies('text', '00'.repeat(32)), { message: 'the key has been wiped' });
});

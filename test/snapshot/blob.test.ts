import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { z } from 'zod';
import { checkContainer, decodeBlob, encodeBlob } from '../../src/snapshot/blob.js';
import { BlobError } from '../../src/snapshot/errors.js';
import { fixture } from './fixtures.js';

const container = z.enum(['plain', 'zstd', 'encrypted', 'zstd+encrypted']);
const blobSets = z.object({
  sets: z.array(
    z.object({
      directory: z.string(),
      blobs: z.array(
        z.object({ file: z.string(), container, content_bytes: z.number(), content_sha256: z.string() }),
      ),
    }),
  ),
});
const chunkList = z.array(
  z.object({ file: z.string(), container, content_bytes: z.number(), content_sha256: z.string() }),
);

const sets = blobSets.parse(JSON.parse(fixture('blobs/blobs.json').toString())).sets;
const chunks = chunkList.parse(JSON.parse(fixture('blobs/chunks.json').toString()));
const golden = [
  ...sets.flatMap(({ directory, blobs }) =>
    blobs.map((blob) => ({ ...blob, file: `${directory}/${blob.file}` })),
  ),
  ...chunks.map((chunk) => ({ ...chunk, file: `chunks/${chunk.file}` })),
];

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

for (const { file, container: kind, content_bytes: length, content_sha256: sha256 } of golden) {
  test(`golden blob ${file} is read as ${kind}`, (t) => {
    const bytes = fixture(`blobs/${file}`);
    const { compressed, encrypted } = checkContainer(bytes, file);
    t.is(
      `${compressed ? 'zstd' : ''}${compressed && encrypted ? '+' : ''}${encrypted ? 'encrypted' : ''}` ||
        'plain',
      kind,
    );
    if (encrypted) {
      t.throws(() => decodeBlob(bytes, file), { instanceOf: BlobError, code: 'BLOB_ENCRYPTED' });
      return;
    }
    const content = decodeBlob(bytes, file, length);
    t.deepEqual([content.length, digest(content)], [length, sha256]);
    const again = encodeBlob(content, file, { compress: true });
    if (kind === 'plain' && !file.endsWith('rsa-encrypted.key.blob')) t.true(again.equals(bytes));
    t.true(decodeBlob(again, file).equals(content));
    t.true(encodeBlob(content, file, { compress: false }).subarray(12).equals(content));
  });
}

test('the examples of the specification come out byte by byte', (t) => {
  t.is(
    encodeBlob(Buffer.from('hello'), 'x', { compress: true }).toString('hex'),
    '42ab3807be8370a186a6103668656c6c6f',
  );
  const zeros = Buffer.from('31b958426fb6a37f9c6651ae28b52ffd206445000010000001003f012c', 'hex');
  t.true(decodeBlob(zeros, 'zeros').equals(Buffer.alloc(100)));
});

test('any content is decoded as it was encoded, and never stored longer than plain', (t) => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }),
    fc
      .tuple(fc.nat({ max: 255 }), fc.nat({ max: 5000 }))
      .map(([byte, length]) => new Uint8Array(length).fill(byte)),
  );
  fc.assert(
    fc.property(content, fc.boolean(), (bytes, compress) => {
      const blob = encodeBlob(Buffer.from(bytes), 'x', { compress });
      t.true(blob.length <= bytes.length + 12);
      t.true(decodeBlob(blob, 'x', bytes.length).equals(bytes));
    }),
  );
});

test('a changed or cut blob is refused', (t) => {
  const blob = encodeBlob(Buffer.alloc(1000, 'abc'), 'x', { compress: true });
  fc.assert(
    fc.property(fc.nat({ max: blob.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const bytes = Buffer.from(blob);
      bytes[at]! ^= mask;
      t.throws(() => decodeBlob(bytes, 'x'), { instanceOf: BlobError });
    }),
  );
  for (let length = 0; length < blob.length; length++) {
    t.throws(() => decodeBlob(blob.subarray(0, length), 'x'), { instanceOf: BlobError }, `${length}`);
  }
});

test('each kind of damage has its code', (t) => {
  const plain = encodeBlob(Buffer.from('content'), 'x', { compress: false });
  const with0 = (at: number): Buffer => {
    const bytes = Buffer.from(plain);
    bytes[at] = 0;
    return bytes;
  };
  t.throws(() => decodeBlob(plain.subarray(0, 11), 'x'), { code: 'BLOB_SHORT' });
  t.throws(() => decodeBlob(with0(0), 'x'), { code: 'BLOB_MAGIC' });
  t.throws(() => decodeBlob(with0(12), 'x'), { code: 'BLOB_CRC' });
  t.throws(() => decodeBlob(plain, 'x', 6), { code: 'BLOB_TOO_LARGE' });
  const encryptedMagic = Buffer.from('7b6785be222d4cf0', 'hex');
  t.throws(() => decodeBlob(Buffer.concat([encryptedMagic, Buffer.alloc(35)]), 'x'), { code: 'BLOB_SHORT' });
  const error = t.throws(
    () => decodeBlob(encodeBlob(Buffer.alloc(1000), 'x', { compress: true }), 'some/file', 999),
    {
      instanceOf: BlobError,
      code: 'BLOB_ZSTD',
    },
  );
  t.is(error.file, 'some/file');
});

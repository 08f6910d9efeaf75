/** Master keys: those of the reference client, and what openssl says of ours. indexes-blobs-chunks.md §10. */
import { execFileSync } from 'node:child_process';
import { constants, createPrivateKey, type KeyObject, publicEncrypt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { KeyError, MasterKeyError } from '../../src/keys/errors.js';
import { decryptWithMaster, encryptForMaster } from '../../src/keys/master-encryption.js';
import { generateMasterKey, openPrivateKey, parsePublicKey } from '../../src/keys/master-key.js';
import { unpad } from '../../src/keys/pkcs1.js';
import { decodeBlob } from '../../src/snapshot/blob.js';
import { fixture } from '../snapshot/fixtures.js';
import { withTemporaryDirectory } from '../support/world.js';
import { EXAMPLE, KEYS, MASTER_PASSWORD, openIndependently } from './vectors.js';

const PRIVATE = fileURLToPath(new URL('../../../test/fixtures/keys/master-private.pem.zst', import.meta.url));
const privatePem = execFileSync('zstd', ['-dc', PRIVATE]);
const publicPem = fixture('keys/master-public.pem');
const recorded = KEYS.find(({ kdf }) => kdf === 'scrypt')!;
const blob = 'rsa-encrypted.key.blob';
const encrypted = decodeBlob(fixture(`blobs/encrypt-scrypt/${blob}`), blob);
const given = (text: string) => async () => Buffer.from(text);

function opened(): Promise<KeyObject> {
  return openPrivateKey(privatePem, 'master', given(MASTER_PASSWORD));
}

/** Makes a key of some bits, as PEM. */
function openssl(...words: string[]): Buffer {
  return execFileSync('openssl', words, { stdio: ['ignore', 'pipe', 'ignore'] });
}

test('the key that the reference client encrypted for its master key comes back', async (t) => {
  t.is(encrypted.length, 512);
  const file = decryptWithMaster(encrypted, await opened(), blob);
  t.is(file.data.toString('hex'), recorded.enc_key);
  t.is<unknown, unknown>(file.fingerprint, recorded.show['fingerprint']);
  t.is<unknown, unknown>(file.created, recorded.show['created']);
});

test('a public key is shown as the reference client shows it', (t) => {
  const { show } = JSON.parse(fixture('keys/keys.json').toString()).master;
  const { bits, modulus, exponent, pem } = parsePublicKey(publicPem, 'master');
  t.deepEqual({ length: bits, modulus, exponent, path: show.path }, show);
  t.deepEqual(pem, publicPem);
});

test('what is encrypted for a master key, openssl decrypts to a key file without password', async (t) => {
  const key = new EncryptionKey(Buffer.from(EXAMPLE.secret, 'hex'));
  const times = { created: 1_700_000_000, modified: 1_700_000_060 };
  const sealed = await encryptForMaster(key, parsePublicKey(publicPem, 'master'), times);
  t.is(sealed.length, 512);
  t.is(key.secret.toString('hex'), EXAMPLE.secret);
  await withTemporaryDirectory(async (directory) => {
    const [pem, input] = [join(directory, 'private.pem'), join(directory, 'sealed')];
    await writeFile(pem, privatePem);
    await writeFile(input, sealed);
    const json = openssl(
      'pkeyutl',
      '-decrypt',
      '-inkey',
      pem,
      '-passin',
      `pass:${MASTER_PASSWORD}`,
      '-in',
      input,
    );
    const { file, secret } = openIndependently(json.toString(), '');
    t.is(secret, EXAMPLE.secret);
    t.like(file, { kdf: null, created: '2023-11-14T22:13:20+00:00', modified: '2023-11-14T22:14:20+00:00' });
  });
  t.is(decryptWithMaster(sealed, await opened(), 'sealed').data.toString('hex'), EXAMPLE.secret);
});

test('a new master key is what openssl takes, and what keys are encrypted for and come back from', async (t) => {
  const pair = await generateMasterKey(Buffer.from('new master'));
  t.regex(pair.privatePem.toString(), /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  await withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'private.pem');
    await writeFile(path, pair.privatePem);
    const words = ['-in', path, '-passin', 'pass:new master'];
    t.deepEqual(openssl('pkey', ...words, '-pubout'), pair.publicPem);
    t.regex(openssl('pkey', ...words, '-noout', '-text').toString(), /^(RSA )?Private-Key: \(4096 bit/);
    t.regex(openssl('asn1parse', '-in', path).toString(), /PBES2[\s\S]*aes-256-cbc/);
    t.deepEqual(await readFile(path), pair.privatePem);
  });
  const master = parsePublicKey(pair.publicPem, 'new');
  t.is(master.bits, 4096);
  const sealed = await encryptForMaster(EncryptionKey.generate(), master, { created: 1, modified: 2 });
  const file = decryptWithMaster(
    sealed,
    await openPrivateKey(pair.privatePem, 'new', given('new master')),
    'x',
  );
  t.like(file, { kdf: undefined, created: 1, modified: 2 });
  t.throws(
    () =>
      decryptWithMaster(encrypted, createPrivateKey({ key: pair.privatePem, passphrase: 'new master' }), 'x'),
    {
      instanceOf: MasterKeyError,
      code: 'MASTER_KEY_MISMATCH',
    },
  );
});

test('a wrong password, a short one and a damaged private key are errors', async (t) => {
  await t.throwsAsync(() => openPrivateKey(privatePem, 'master', given('wrong')), {
    code: 'MASTER_KEY_PASSWORD',
  });
  await t.throwsAsync(() => generateMasterKey(Buffer.from('four')), { code: 'KEY_PASSWORD_LENGTH' });
  const damaged = Buffer.from(privatePem.toString().replace(/\n.{20}/, '\n'));
  await t.throwsAsync(() => openPrivateKey(damaged, 'master', given(MASTER_PASSWORD)), {
    code: 'MASTER_KEY_PASSWORD',
  });
  for (const pem of [publicPem, Buffer.from('x'), Buffer.alloc(0)])
    await t.throwsAsync(() => openPrivateKey(pem, 'master', given('x')), { code: 'MASTER_KEY_SHAPE' });
});

test('only public RSA keys of a sensible length are taken as master keys', (t) => {
  const publicOf = (...words: string[]): Buffer =>
    execFileSync('sh', ['-c', `openssl genpkey ${words.join(' ')} 2>/dev/null | openssl pkey -pubout`]);
  const cut = Buffer.from(publicPem.toString().replace(/\n.{20}/, '\n'));
  const wrong: readonly [pem: Buffer, code: string][] = [
    [publicOf('-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'), 'MASTER_KEY_SIZE'],
    [publicOf('-algorithm', 'ed25519'), 'MASTER_KEY_SHAPE'],
    [privatePem, 'MASTER_KEY_SHAPE'],
    [openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2200'), 'MASTER_KEY_SHAPE'],
    [cut, 'MASTER_KEY_SHAPE'],
    [Buffer.from('-----BEGIN PUBLIC KEY-----\n'), 'MASTER_KEY_SHAPE'],
    [Buffer.alloc(0), 'MASTER_KEY_SHAPE'],
  ];
  for (const [pem, code] of wrong)
    t.throws(() => parsePublicKey(pem, 'master'), { instanceOf: MasterKeyError, code });
});

test('what was not encrypted for the master key is named as such', async (t) => {
  const master = await opened();
  const key = parsePublicKey(publicPem, 'master').key;
  const sealed = (text: string, padding: number): Buffer =>
    publicEncrypt({ key, padding }, Buffer.from(text));
  const flipped = Buffer.from(encrypted);
  flipped[100]! ^= 1;
  const strange = [
    flipped,
    Buffer.alloc(512, 255),
    Buffer.alloc(512),
    encrypted.subarray(1),
    Buffer.alloc(0),
    sealed('text', constants.RSA_PKCS1_OAEP_PADDING),
  ];
  for (const bytes of strange)
    t.throws(() => decryptWithMaster(bytes, master, 'x'), { code: 'MASTER_KEY_MISMATCH' });
  const { json } = EXAMPLE;
  for (const text of ['', 'no key', json.replace(/"hint".*/, '"hint":""}')])
    t.throws(() => decryptWithMaster(sealed(text, constants.RSA_PKCS1_PADDING), master, 'x'), {
      instanceOf: KeyError,
      code: 'KEY_FILE_SHAPE',
    });
});

test('padding is taken off where it is whole, and nowhere else', (t) => {
  const block = (hex: string): Buffer => Buffer.from(hex, 'hex');
  t.is(unpad(block('0002 0101010101010101 00 6869'.replaceAll(' ', '')))?.toString(), 'hi');
  t.is(unpad(block('0002010101010101010100'))?.length, 0);
  for (const hex of [
    '',
    '0002',
    '00020101010101010100aa',
    '0001010101010101010100aa',
    '0102010101010101010100aa',
    '00020101010101010101aa',
  ])
    t.is(unpad(block(hex)), undefined, hex);
});

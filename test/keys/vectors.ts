/** Keys that the reference client made, and a reader of key files that shares nothing with `src/keys`. */
import { createDecipheriv, createHash, pbkdf2Sync, scryptSync } from 'node:crypto';
import { z } from 'zod';
import { fixture } from '../snapshot/fixtures.js';

/** Password of the recorded keys. */
export const PASSWORD = 'correct horse 1';
/** Password of the recorded private master key. */
export const MASTER_PASSWORD = 'master pass 2';

const recorded = z.object({
  keys: z.array(
    z.object({
      file: z.string(),
      kdf: z.enum(['none', 'scrypt', 'pbkdf2']),
      password: z.string().nullable(),
      show: z.record(z.string(), z.union([z.string(), z.number()])),
      enc_key: z.string(),
    }),
  ),
});
const derived = z.object({ keys_derived: z.array(z.object({ file: z.string(), id_key: z.string() })) });

/** Everything that is recorded of a key. */
export type RecordedKey = z.infer<typeof recorded>['keys'][number] & {
  readonly bytes: Buffer;
  readonly idKey: string;
};

function recordedKeys(): RecordedKey[] {
  const { keys_derived: ids } = derived.parse(JSON.parse(fixture('blobs/blobs.json').toString()));
  const { keys } = recorded.parse(JSON.parse(fixture('keys/keys.json').toString()));
  return keys.map((key) => {
    const idKey = ids.find(({ file }) => file === key.file)?.id_key;
    if (idKey === undefined) throw new Error(`nothing is derived of ${key.file}`);
    return { ...key, bytes: fixture(`keys/${key.file}`), idKey };
  });
}

/** One for each way from a password to a key. */
export const KEYS: readonly RecordedKey[] = recordedKeys();

/** The example of the specification. indexes-blobs-chunks.md §9. */
export const EXAMPLE: {
  readonly json: string;
  readonly password: string;
  readonly secret: string;
  readonly fingerprint: string;
} = {
  json: '{"kdf":{"Scrypt":{"n":65536,"r":8,"p":1,"salt":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="}},"created":"2023-11-14T22:13:20+00:00","modified":"2023-11-14T22:13:20+00:00","data":"EBESExQVFhcYGRobHB0eH36F/B19e+5wFEXTdZo8ya34ZApusTmPtbI49v1Ia0K2w4I659/B4XatcIxtP1qNgg==","fingerprint":"0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b","hint":"six letters"}',
  password: 'secret',
  secret: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  fingerprint:
    '0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b',
};

const scryptParameters = z.strictObject({
  n: z.literal(65_536),
  r: z.literal(8),
  p: z.literal(1),
  salt: z.string().length(44),
});
const pbkdf2Parameters = z.strictObject({ iter: z.literal(65_535), salt: z.string().length(44) });
const time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$/);
const keyFile = z.strictObject({
  kdf: z.union([
    z.null(),
    z.strictObject({ Scrypt: scryptParameters }),
    z.strictObject({ PBKDF2: pbkdf2Parameters }),
  ]),
  created: time,
  modified: time,
  data: z.string(),
  fingerprint: z.string(),
  hint: z.string().optional(),
});

/** What an independent reader finds in a key file. */
export interface Opened {
  readonly file: z.infer<typeof keyFile>;
  /** Hex of the 32 bytes. */
  readonly secret: string;
}

function kdfKey(kdf: NonNullable<z.infer<typeof keyFile>['kdf']>, password: string): Buffer {
  if ('PBKDF2' in kdf) {
    const { iter, salt } = kdf.PBKDF2;
    return pbkdf2Sync(password, Buffer.from(salt, 'base64'), iter, 32, 'sha256');
  }
  const { n, r, p, salt } = kdf.Scrypt;
  return scryptSync(password, Buffer.from(salt, 'base64'), 32, { N: n, r, p, maxmem: 2 ** 27 });
}

function fingerprintOf(secret: Buffer): string {
  const id = pbkdf2Sync(secret, '_id_key', 10, 32, 'sha256');
  const prefix = Buffer.from('6ed0ef77471fff4d55c7a8fe4a9db62161407f134c725ddf30992d25ec45ed26', 'hex');
  const digest = createHash('sha256').update(prefix).update(id).digest('hex');
  return (digest.match(/../g) ?? []).join(':');
}

/** Opens a key file as §9 has it; throws for whatever restat does not write. */
export function openIndependently(json: string, password: string): Opened {
  const file = keyFile.parse(JSON.parse(json));
  if (JSON.stringify(file) !== json)
    throw new Error('the file is not compact, or its fields are in another order');
  const data = Buffer.from(file.data, 'base64');
  const secret = file.kdf === null ? data : decrypt(data, kdfKey(file.kdf, password));
  if (secret.length !== 32) throw new Error('a key has 32 bytes');
  if (fingerprintOf(secret) !== file.fingerprint) throw new Error('this is not the fingerprint');
  return { file, secret: secret.toString('hex') };
}

function decrypt(data: Buffer, key: Buffer): Buffer {
  const cipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, 16));
  cipher.setAuthTag(data.subarray(16, 32));
  return Buffer.concat([cipher.update(data.subarray(32)), cipher.final()]);
}

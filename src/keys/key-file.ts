/** Key files: JSON to values and back. indexes-blobs-chunks.md §9. */
import * as z from 'zod';
import { decodeBase64, encodeBase64 } from './base64.js';
import { ENCRYPTION_KEY_BYTES } from './encryption-key.js';
import { KeyError } from './errors.js';
import { type Fingerprint, parseFingerprint } from './fingerprint.js';
import { takeMember } from './json-member.js';
import { checkKdf, type Kdf } from './kdf.js';

export interface KeyFile {
  /** Undefined: the key is stored in clear. */
  readonly kdf: Kdf | undefined;
  /** Whole seconds since the epoch. */
  readonly created: number;
  readonly modified: number;
  /** The key in clear, or `IV ‖ tag ‖ ciphertext`. Wipe it when the key is in clear. */
  readonly data: Buffer;
  readonly fingerprint: Fingerprint | undefined;
  /** Of the password; may hold anything, so make it printable before showing it. */
  readonly hint: string | undefined;
}

/** Longest key file, in bytes: far more than any has. */
export const KEY_FILE_LIMIT: number = 64 * 1024;
/** Length of `data` of a key with a password: IV, tag, ciphertext. */
const LOCKED_BYTES = 16 + 16 + ENCRYPTION_KEY_BYTES;
const MAX_SALT = 1024;
const MAX_HINT = 1024;
/** 9999-12-31T23:59:59Z, seconds since the epoch. */
const MAX_TIME = 253_402_300_799;

const saltSchema = z
  .string()
  .max(2 * MAX_SALT)
  .transform((text, context) => {
    const salt = decodeBase64(Buffer.from(text));
    if (salt !== undefined && salt.length <= MAX_SALT) return salt;
    context.addIssue('must be base64');
    return z.NEVER;
  });
const timeSchema = z.iso.datetime({ offset: true }).transform((text, context) => {
  const seconds = Math.floor(Date.parse(text) / 1000);
  if (seconds >= 0 && seconds <= MAX_TIME) return seconds;
  context.addIssue('must be a time between 1970 and 9999');
  return z.NEVER;
});
const fingerprintSchema = z.string().transform((text, context) => {
  const fingerprint = parseFingerprint(text);
  if (fingerprint !== undefined) return fingerprint;
  context.addIssue('must have 64 hex digits');
  return z.NEVER;
});
// Bounds of these numbers are a matter of `checkKdf`, with an error of its own.
const scryptSchema = z
  .strictObject({ n: z.number(), r: z.number(), p: z.number(), salt: saltSchema })
  .transform((fields): Kdf => ({ name: 'scrypt', ...fields }));
const pbkdf2Schema = z
  .strictObject({ iter: z.number(), salt: saltSchema })
  .transform(({ iter, salt }): Kdf => ({ name: 'pbkdf2', iterations: iter, salt }));
const kdfSchema = z.union([
  z.null().transform(() => undefined),
  z.strictObject({ Scrypt: scryptSchema }).transform(({ Scrypt }) => Scrypt),
  z.strictObject({ PBKDF2: pbkdf2Schema }).transform(({ PBKDF2 }) => PBKDF2),
]);
const fileSchema = z.object({
  kdf: kdfSchema,
  created: timeSchema,
  modified: timeSchema,
  /** Has been taken out; a second spelling of the member would show here. */
  data: z.literal(''),
  fingerprint: fingerprintSchema.nullish().transform((value) => value ?? undefined),
  hint: z
    .string()
    .max(MAX_HINT)
    .nullish()
    .transform((value) => value ?? undefined),
});

function wrong(code: 'KEY_FILE_SIZE' | 'KEY_FILE_SHAPE', name: string, problem: string): KeyError {
  return new KeyError(code, `${name}: this is no key file: ${problem}`);
}

/** Which members are wrong, never what is in them. */
function problemsOf({ issues }: z.ZodError): string {
  return [...new Set(issues.map(({ path }) => path.join('.') || 'the whole'))].join(', ');
}

/** Parses all but the key material. Errors have no cause: those of JSON quote the text. */
function parseRest(rest: Buffer, name: string): z.infer<typeof fileSchema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(rest));
  } catch {
    throw wrong('KEY_FILE_SHAPE', name, 'it is not JSON');
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw wrong('KEY_FILE_SHAPE', name, `what is wrong: ${problemsOf(parsed.error)}`);
}

/**
 * The values of a key file of at most `KEY_FILE_LIMIT` bytes, which stay as they are: whoever owns them wipes them. `name` is what
 * errors call it. Throws KeyError `KEY_FILE_SIZE`, `KEY_FILE_SHAPE` and `KEY_KDF`.
 */
export function parseKeyFile(bytes: Buffer, name: string): KeyFile {
  if (bytes.length > KEY_FILE_LIMIT)
    throw wrong('KEY_FILE_SIZE', name, `it has more than ${KEY_FILE_LIMIT} bytes`);
  const taken = takeMember(bytes, 'data');
  if (taken === undefined) throw wrong('KEY_FILE_SHAPE', name, "it has no member 'data' of its own");
  const { kdf, created, modified, fingerprint, hint } = parseRest(taken.rest, name);
  if (kdf !== undefined) checkKdf(kdf);
  const data = decodeBase64(taken.value);
  const length = kdf === undefined ? ENCRYPTION_KEY_BYTES : LOCKED_BYTES;
  if (data?.length === length) return { kdf, created, modified, data, fingerprint, hint };
  data?.fill(0);
  throw wrong('KEY_FILE_SHAPE', name, `'data' must be base64 of ${length} bytes`);
}

function kdfJson(kdf: Kdf | undefined): object | null {
  if (kdf === undefined) return null;
  const salt = kdf.salt.toString('base64');
  if (kdf.name === 'pbkdf2') return { PBKDF2: { iter: kdf.iterations, salt } };
  const { n, r, p } = kdf;
  return { Scrypt: { n, r, p, salt } };
}

/** `2023-11-14T22:13:20+00:00`. */
function timeText(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}+00:00`;
}

export interface KeyFileLayout {
  /** Indented by two, as on paper; else compact, as in files. */
  readonly pretty: boolean;
}

/** The file's bytes, fields in the order of §9. Wipe them when the key is in clear. */
export function formatKeyFile(file: KeyFile, { pretty }: KeyFileLayout = { pretty: false }): Buffer {
  const { kdf, created, modified, data, fingerprint, hint } = file;
  const fields = { kdf: kdfJson(kdf), created: timeText(created), modified: timeText(modified), data: '' };
  const rest = Buffer.from(JSON.stringify({ ...fields, fingerprint, hint }, null, pretty ? 2 : undefined));
  const end = takeMember(rest, 'data')?.value.byteOffset;
  if (end === undefined) throw new TypeError("the text has a member 'data'");
  const at = end - rest.byteOffset;
  const text = encodeBase64(data);
  const bytes = Buffer.concat([rest.subarray(0, at), text, rest.subarray(at)]);
  text.fill(0);
  return bytes;
}

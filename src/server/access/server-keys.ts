/** The keys with which a server knows its own tickets again. */
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as z from 'zod';
import { native } from '../../native.js';
import { systemCode } from '../../repository/errors.js';
import { syncDirectory } from '../../repository/local/durability.js';
import { AccessError } from './errors.js';
import { readPrivateFile } from './private-file.js';

export interface ServerKeys {
  /** Ed25519; signs tickets. */
  readonly signing: KeyObject;
  readonly verifying: KeyObject;
  /** 32 bytes for the HMAC of CSRF tokens. */
  readonly csrf: KeyObject;
}

/** Far more than the file ever has, in bytes. */
const LIMIT = 16 * 1024;
const CSRF_BYTES = 32;
const schema = z.strictObject({
  version: z.literal(1),
  /** PKCS#8 in PEM. */
  signing: z.string(),
  /** Hex. */
  csrf: z.string().regex(new RegExp(`^[0-9a-f]{${2 * CSRF_BYTES}}$`)),
});

/** New keys as the text of a file. */
function newKeys(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  const signing = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const csrf = randomBytes(CSRF_BYTES).toString('hex');
  return `${JSON.stringify({ version: 1, signing, csrf }, null, 2)}\n`;
}

function parseKeys(text: string): ServerKeys {
  const { signing: pem, csrf } = schema.parse(JSON.parse(text));
  const signing = createPrivateKey(pem);
  if (signing.asymmetricKeyType !== 'ed25519') throw new TypeError('the key that signs is no Ed25519 key');
  return {
    signing,
    verifying: createPublicKey(signing),
    csrf: createSecretKey(Buffer.from(csrf, 'hex')),
  };
}

/** The file's text; undefined where there is none. Keys that others can read or replace are no secret. */
function readSecret(path: string): Promise<string | undefined> {
  const refuse = (message: string): AccessError => new AccessError('ACCESS_KEYS', message);
  return readPrivateFile(path, { limit: LIMIT, refuse });
}

/** Writes new keys unless somebody else was faster. */
async function createFile(path: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await native.publishFile(directory, basename(path), Buffer.from(newKeys()), { mode: 0o600, sync: true });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  await syncDirectory(directory);
}

/**
 * Reads the server's keys; makes them, and the directory, where there are none. Errors never hold what is in the file. Throws
 * AccessError `ACCESS_KEYS` and system errors.
 */
export async function loadServerKeys(path: string): Promise<ServerKeys> {
  let text = await readSecret(path);
  if (text === undefined) {
    await createFile(path);
    text = await readSecret(path);
  }
  try {
    return parseKeys(text ?? '');
  } catch {
    // The cause is left out: a JSON error quotes the text.
    throw new AccessError('ACCESS_KEYS', `${path} holds no keys of this server`);
  }
}

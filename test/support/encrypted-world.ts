/** The golden datastore with its keys; nothing that a command says there may be a secret. */
import { readFileSync, writeFileSync } from 'node:fs';
import { KEYS, PASSWORD } from '../keys/vectors.js';
import { type RunOptions, type RunResult, restat } from './cli.js';
import { goldenKey, withGoldenStore } from './golden-store.js';

/** Whole snapshots, and which keys they have. */
export const ENCRYPTED = 'host/crypt/2023-11-14T22:13:30Z';
export const ENCRYPTED_SPLIT = 'host/crypt/2023-11-14T22:13:40Z';
export const ENCRYPTED_LAST = 'host/crypt/2023-11-14T22:13:50Z';
export const ENCRYPTED_DISK = 'host/disk/2023-11-14T22:13:22Z';
export const SIGNED = 'host/signed/2023-11-14T22:13:30Z';
export const PLAIN = 'host/alpha/2023-11-14T22:30:00Z';

/** The keys of these snapshots as options; the first has a password. */
export const SCRYPT: readonly string[] = ['--keyfile', goldenKey('key-scrypt.json')];
export const BARE: readonly string[] = ['--keyfile', goldenKey('key-none.json')];
export const WITH_PASSWORD: Readonly<Record<string, string>> = { PBS_ENCRYPTION_PASSWORD: PASSWORD };

function secrets(): string[] {
  const keys = KEYS.flatMap(({ enc_key: secret, idKey }) =>
    [secret, idKey].map((hex) => Buffer.from(hex, 'hex')),
  );
  const data = KEYS.map(({ file }) => /"data":\s*"([^"]+)"/.exec(readFileSync(goldenKey(file), 'utf8'))![1]!);
  return [PASSWORD, ...data, ...keys.flatMap((key) => [key.toString('hex'), key.toString('base64')])];
}

const SECRETS = secrets();

/** Throws if the result tells a secret. */
export function checkSecrets(result: RunResult): RunResult {
  const said = `${result.stdout}\n${result.stderr}`;
  const found = SECRETS.findIndex((secret) => said.toLowerCase().includes(secret.toLowerCase()));
  if (found >= 0) throw new Error(`secret ${found} was told`);
  return result;
}

export interface EncryptedWorld {
  readonly store: string;
  /** A name for a target. */
  readonly target: string;
  /** The key with a password as options, without its password, which takes time. */
  readonly unlocked: readonly string[];
  /** Runs a command on the datastore with stacks in its errors, and looks for secrets in what it says. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** Writes the key with a password as one without. */
function unlockedKey(path: string): string {
  const time = '2023-11-14T22:13:20+00:00';
  const secret = KEYS.find(({ file }) => file === 'key-scrypt.json')!.enc_key;
  const data = Buffer.from(secret, 'hex').toString('base64');
  writeFileSync(path, JSON.stringify({ kdf: null, created: time, modified: time, data }));
  return path;
}

/** Calls `use` with a fresh copy of the datastore. */
export function withEncrypted<T>(use: (world: EncryptedWorld) => Promise<T>): Promise<T> {
  return withGoldenStore((store, target) => {
    const run = async (args: readonly string[], options: RunOptions = {}): Promise<RunResult> => {
      const env = { RESTAT_DEBUG: '1', ...options.env };
      return checkSecrets(await restat([...args, '--repository', store], { ...options, env }));
    };
    return use({ store, target, unlocked: ['--keyfile', unlockedKey(`${target}.key`)], run });
  });
}

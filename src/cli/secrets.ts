/** Values that come from the environment, a descriptor, a file, a command or a systemd credential. protocol.md §1.3. */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { splitWords } from './secrets-words.js';

const run = promisify(execFile);

/** Longest value, in bytes. */
const LIMIT = 64 * 1024;
const CREDENTIAL_PREFIX = 'proxmox-backup-client';

/** Each with the name of its credential. */
const CREDENTIALS = {
  PBS_REPOSITORY: 'repository',
  PBS_PASSWORD: 'password',
  PBS_ENCRYPTION_PASSWORD: 'encryption-password',
  PBS_FINGERPRINT: 'fingerprint',
} as const;

export type SecretName = keyof typeof CREDENTIALS;

/** A value that should be there and cannot be had. Its message never has the value. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  readonly code = 'SECRET_UNREADABLE';
}

function firstLine(text: string): string {
  return text.replace(/\r?\n[\s\S]*$/, '');
}

function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

function decode(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Reads until `enough`, the end, or the limit, which is an error. The descriptor is closed. */
async function readUntil(
  source: { readonly path: string } | { readonly fd: number },
  enough: (part: Buffer) => boolean,
): Promise<string> {
  const stream = 'fd' in source ? createReadStream('', { fd: source.fd }) : createReadStream(source.path);
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const read of stream) {
    const part: Buffer = read;
    parts.push(part);
    bytes += part.length;
    if (enough(part)) break;
    if (bytes > LIMIT) throw Object.assign(new Error('too long'), { code: 'EFBIG' });
  }
  return decode(Buffer.concat(parts));
}

const hasLineEnd = (part: Buffer): boolean => part.includes(0x0a);

async function fromDescriptor(name: string, text: string): Promise<string> {
  if (!/^\d{1,9}$/.test(text)) throw new SecretError(`${name}: '${text}' is no file descriptor`);
  return firstLine(await readUntil({ fd: Number(text) }, hasLineEnd));
}

async function fromCommand(name: string, line: string): Promise<string> {
  const [program, ...words] = splitWords(line) ?? [];
  if (program === undefined) throw new SecretError(`${name}: this is no command line`);
  const options = { encoding: 'buffer', maxBuffer: LIMIT } as const;
  // Whatever the command printed may be secret, and Node's error repeats it.
  const { stdout } = await run(program, words, options).catch((error: unknown) => {
    throw new SecretError(`${name}: ${program} failed (${reason(error)})`);
  });
  return firstLine(decode(stdout));
}

/** Runs a way to get a value; says which one failed. */
async function attempt(name: string, get: () => Promise<string>): Promise<string> {
  try {
    return await get();
  } catch (error) {
    if (error instanceof SecretError) throw error;
    throw new SecretError(`${name}: cannot be read (${reason(error)})`);
  }
}

async function fromCredential(env: NodeJS.ProcessEnv, name: SecretName): Promise<string | undefined> {
  const directory = env['CREDENTIALS_DIRECTORY'];
  if (!directory) return undefined;
  const path = join(directory, `${CREDENTIAL_PREFIX}.${CREDENTIALS[name]}`);
  try {
    return await readUntil({ path }, () => false);
  } catch (error) {
    if (reason(error) === 'ENOENT') return undefined;
    throw new SecretError(`the credential ${path} cannot be read (${reason(error)})`);
  }
}

/**
 * The value of the first source that exists: `NAME`, `NAME_FD`, `NAME_FILE`, `NAME_CMD`, the systemd credential; undefined if there is
 * none. A descriptor is used up. Throws SecretError when the source that exists fails: later ones are not tried.
 */
export async function findSecret(env: NodeJS.ProcessEnv, name: SecretName): Promise<string | undefined> {
  const plain = env[name];
  if (plain !== undefined) return firstLine(plain);
  const [fd, file, command] = [env[`${name}_FD`], env[`${name}_FILE`], env[`${name}_CMD`]];
  if (fd !== undefined) return attempt(`${name}_FD`, () => fromDescriptor(`${name}_FD`, fd));
  if (file !== undefined)
    return attempt(`${name}_FILE`, async () => firstLine(await readUntil({ path: file }, hasLineEnd)));
  if (command !== undefined) return attempt(`${name}_CMD`, () => fromCommand(`${name}_CMD`, command));
  return fromCredential(env, name);
}

/** The same for a value that is as good as absent when it cannot be had, which `warn` is told. */
export async function optionalSecret(
  env: NodeJS.ProcessEnv,
  name: SecretName,
  warn: (message: string) => void,
): Promise<string | undefined> {
  try {
    return (await findSecret(env, name)) || undefined;
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    warn(error.message);
    return undefined;
  }
}

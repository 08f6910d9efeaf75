/** Runs a command to its exit and looks for keys in all that it leaves: memory, words, output, files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Needle, type Search, scanMemory } from './memory-scan.js';

const PROGRAM = fileURLToPath(new URL('../../../dist/restat.js', import.meta.url));
const HOLD = new URL('key-traces-hold.js', import.meta.url).href;

/** Less cannot be told from chance; of what was overwritten in part as much is left, and so much of a key fits into a register. */
const PIECE = 8;
/** HMAC begins with these. RFC 2104. */
const PADS = [0x36, 0x5c];

function pieces(what: string, bytes: Buffer, length: number): Needle[] {
  return Array.from({ length: Math.floor(bytes.length / length) }, (_, i) => ({
    what: `${what}, part ${i}`,
    bytes: bytes.subarray(i * length, (i + 1) * length),
  }));
}

/** Every part of a key of 32 bytes in every form that code may give it: bytes, words of SHA-256, pads of HMAC, text. */
export function needlesOf(name: string, key: Buffer): Needle[] {
  const forms: [string, Buffer][] = [
    ['bytes', key],
    ...PADS.map((pad): [string, Buffer] => [`pad ${pad}`, Buffer.from(key.map((byte) => byte ^ pad))]),
  ];
  // PBKDF2 and AES work with what stands here already: a key of HMAC, the first words of the key schedule.
  const binary = forms.flatMap(([form, bytes]) => [
    ...pieces(`${name} as ${form}`, bytes, PIECE),
    ...pieces(`${name} as words of ${form}`, Buffer.from(bytes).swap32(), PIECE),
  ]);
  const texts = { hex: key.toString('hex'), base64: key.toString('base64').replace('=', '') };
  const written = Object.entries({ ...texts, 'upper-case hex': texts.hex.toUpperCase() }).flatMap(
    ([form, text]) => [
      ...pieces(`${name} as ${form}`, Buffer.from(text), 2 * PIECE),
      ...pieces(`${name} as wide ${form}`, Buffer.from(text, 'utf16le'), 4 * PIECE),
    ],
  );
  return [...binary, ...written];
}

/** The same for an encryption key and for what is derived of it. indexes-blobs-chunks.md §5.1. */
export function needlesOfSecret(secret: Buffer): Needle[] {
  const id = pbkdf2Sync(secret, '_id_key', 10, 32, 'sha256');
  return [...needlesOf('secret', secret), ...needlesOf('id key', id)];
}

export interface TracedOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A file that the program has open as descriptor 4. */
  readonly descriptor?: string;
  /** Modules that are loaded before it begins. */
  readonly imports?: readonly string[];
  /** Called once it has been started; the run ends only after that. */
  readonly during?: (child: ChildProcess) => Promise<void>;
}

/** How a command ended, and what was found. */
export interface Traced {
  readonly code: number;
  readonly output: string;
  /** Which parts of a key are where; none is the aim. */
  readonly found: readonly string[];
}

function start(args: readonly string[], { env, descriptor, imports = [] }: TracedOptions): ChildProcess {
  const words = [HOLD, ...imports].flatMap((each) => ['--import', each]);
  const fd = descriptor === undefined ? undefined : openSync(descriptor, 'r');
  try {
    const { PATH } = process.env;
    return spawn(process.execPath, [...words, PROGRAM, ...args], {
      env: { PATH, TZ: 'UTC', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', fd ?? 'ignore'],
    });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Runs `restat ARGS…`. Its memory is searched when all has run that runs, while it still stands there; the same for its words and its
 * output. What is looked for may be known only then. Throws when it does not get to its exit.
 */
export async function traced(
  args: readonly string[],
  searchOf: () => Search,
  options: TracedOptions = {},
): Promise<Traced> {
  const child = start(args, options);
  const blocks: Buffer[] = [];
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (block: Buffer) => blocks.push(block));
  const output = (): Buffer => Buffer.concat(blocks);
  const closed = once(child, 'close').then((): never => {
    throw new Error(`restat ${args.join(' ')} did not end well: ${output()}`);
  });
  closed.catch(() => undefined);
  try {
    const report = Promise.race([once(child.stdio[3]!, 'data'), closed]);
    await Promise.all([options.during?.(child), report]);
    const code = Number(String((await report)[0]));
    const search = searchOf();
    const words = readFileSync(`/proc/${child.pid}/cmdline`);
    const found = await scanMemory(child.pid!, search);
    child.kill('SIGKILL');
    await closed.catch(() => undefined);
    const said = search.namesIn(output()).map((what) => `${what} in the output`);
    const named = search.namesIn(words).map((what) => `${what} in the words`);
    return { code, output: output().toString(), found: [...found, ...said, ...named] };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Which parts of a key are in the files below a directory, apart from those that are named. */
export function tracesInFiles(directory: string, search: Search, except: readonly string[]): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.flatMap((name) => {
    const path = join(directory, name);
    if (except.includes(path) || !statSync(path).isFile()) return [];
    return search.namesIn(readFileSync(path)).map((what) => `${what} in ${name}`);
  });
}

/** The files without a name that a process has open, as paths. */
export function unnamedFiles(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory)
    .map((fd) => join(directory, fd))
    .filter((path) => {
      try {
        return readlinkSync(path).endsWith(' (deleted)') && statSync(path).isFile();
      } catch {
        // Closed meanwhile.
        return false;
      }
    });
}

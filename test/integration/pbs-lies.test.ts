/** A server that lies: each lie is an error that names it, no file comes of it, and memory stays bounded. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { encodeBlob } from '../../src/snapshot/blob.js';
import {
  decodeManifest,
  encodeManifest,
  formatManifest,
  type Manifest,
} from '../../src/snapshot/manifest.js';
import { backupTime } from '../../src/snapshot/names.js';
import type { RunResult } from '../support/cli.js';
import {
  FILES,
  failsClearly,
  forEachTogether,
  KEY,
  restoreWords,
  run,
  storeWithSnapshot,
  wholeFiles,
} from '../support/pbs-world.js';
import { makeCertificate } from '../support/replay/certificate.js';
import { indexChunks } from '../support/replay/index-chunks.js';
import type { Request } from '../support/replay/request.js';
import type { Reply } from '../support/replay/rules.js';
import { type Behaviour, withSessionServer } from '../support/session-server.js';
import { octets, type SessionStore } from '../support/session-store.js';
import { withTemporaryDirectory } from '../support/world.js';

const MANIFEST = 'index.json.blob';
const [TREE, PAYLOAD] = ['root.mpxar.didx', 'root.ppxar.didx'];
const MIB = 1024 * 1024;
/** Most memory that a run may ever have, in MiB. */
const MEMORY_MIB = 300;
/** Offset of the first entry of an index, and its length. */
const [ENTRIES, ENTRY] = [4096, 40];

const certificate = makeCertificate();
const honest = storeWithSnapshot();

interface Restored {
  readonly result: RunResult;
  readonly directory: string;
}

/** Restores from a server that changes its replies. */
async function restoreFrom(
  t: ExecutionContext,
  change: Behaviour['change'],
  check: (restored: Restored) => void | Promise<void>,
  watch?: (process: ChildProcess) => void,
): Promise<void> {
  const behaviour = { store: await honest, certificate: await certificate, ...(change ? { change } : {}) };
  await withTemporaryDirectory((directory) =>
    withSessionServer(behaviour, async ({ repository, env }) => {
      const result = await run(restoreWords(join(directory, 'target'), repository()), env, watch);
      await check({ result, directory });
      t.true(
        readdirSync(directory).every((name) => name === 'target'),
        'nothing lies beside the target',
      );
    }),
  );
}

function fileOf(store: SessionStore, name: string): Buffer {
  return store.snapshots.get(KEY)!.get(name)!;
}

function isDownload({ path, query }: Request, name: string): boolean {
  return path === '/download' && query.get('file-name') === name;
}

/** Sends other bytes instead of a file. */
function insteadOf(name: string, bytes: (file: Buffer) => Buffer): NonNullable<Behaviour['change']> {
  return (request, reply) => (isDownload(request, name) ? octets(bytes(reply.body)) : reply);
}

/** Sends another container instead of every chunk. */
function insteadOfChunks(bytes: (chunk: Buffer) => Buffer): NonNullable<Behaviour['change']> {
  return (request, reply) =>
    request.path === '/chunk' && reply.status === 200 ? octets(bytes(reply.body)) : reply;
}

/** A copy with a few bytes changed. */
function edited(bytes: Buffer, edit: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  edit(copy);
  return copy;
}

function manifestLie(lie: (manifest: Manifest) => Manifest): NonNullable<Behaviour['change']> {
  return insteadOf(MANIFEST, (file) => encodeManifest(lie(decodeManifest(file))));
}

/** A manifest whose text was changed without regard to what manifests may say. */
function textLie(lie: (text: string) => string): NonNullable<Behaviour['change']> {
  return insteadOf(MANIFEST, (file) =>
    encodeBlob(Buffer.from(lie(formatManifest(decodeManifest(file)))), MANIFEST, { compress: true }),
  );
}

/** Eight bytes of magic of an encrypted container, then what could be its header and content. */
const ENCRYPTED = Buffer.concat([Buffer.from('7b6785be222d4cf0', 'hex'), Buffer.alloc(100, 1)]);

const LIES: readonly (readonly [lie: string, change: NonNullable<Behaviour['change']>, error: RegExp])[] = [
  [
    'the manifest is that of another snapshot',
    manifestLie((manifest) => ({ ...manifest, snapshot: { ...manifest.snapshot, time: backupTime(5) } })),
    /the manifest of host\/t\/\S+ is that of host\/t\/1970/,
  ],
  [
    'the manifest is no JSON',
    insteadOf(MANIFEST, () => encodeBlob(Buffer.from('no { json'), MANIFEST, { compress: false })),
    /index\.json\.blob/,
  ],
  ['the manifest is no blob', insteadOf(MANIFEST, () => Buffer.alloc(100)), /index\.json\.blob/],
  ['the manifest is empty', insteadOf(MANIFEST, () => Buffer.alloc(0)), /index\.json\.blob/],
  [
    'the manifest has a wrong checksum',
    insteadOf(MANIFEST, (file) => edited(file, (copy) => copy.writeUInt32LE(0, 8))),
    /index\.json\.blob/,
  ],
  [
    'the manifest names a file outside the snapshot',
    textLie((text) => text.replace(PAYLOAD!, '../../../tmp/evil.ppxar.didx')),
    /index\.json\.blob|evil/,
  ],
  [
    'the manifest names an absolute path',
    textLie((text) => text.replace(TREE!, '/tmp/root.mpxar.didx')),
    /index\.json\.blob|tmp/,
  ],
  [
    'the manifest has a negative size',
    textLie((text) => text.replace(/"size": ?\d+/, '"size": -1')),
    /index\.json\.blob/,
  ],
  [
    'the manifest has another size',
    manifestLie((manifest) => ({
      ...manifest,
      files: manifest.files.map((file) => ({ ...file, size: file.size + 1 })),
    })),
    /the manifest says/,
  ],
  [
    'the manifest has an archive whose index would fill the memory',
    manifestLie((manifest) => ({
      ...manifest,
      files: manifest.files.map((file) => ({
        ...file,
        size: file.filename === PAYLOAD ? 2 ** 52 : file.size,
      })),
    })),
    /root\.ppxar\.didx: an archive of 4503599627370496 bytes has an index of more than 1 GiB/,
  ],
  [
    'a digest in an index is another',
    insteadOf(PAYLOAD!, (file) => edited(file, (copy) => copy.fill(7, ENTRIES + 8, ENTRIES + ENTRY))),
    /root\.ppxar\.didx.*the manifest says/,
  ],
  [
    'an index lacks its last entry',
    insteadOf(PAYLOAD!, (file) => file.subarray(0, file.length - ENTRY)),
    /root\.ppxar\.didx.*the manifest says/,
  ],
  [
    'an index lacks half an entry',
    insteadOf(PAYLOAD!, (file) => file.subarray(0, file.length - ENTRY / 2)),
    /root\.ppxar\.didx/,
  ],
  [
    'offsets of an index do not ascend',
    insteadOf(PAYLOAD!, (file) => edited(file, (copy) => copy.writeBigUInt64LE(1n, ENTRIES + ENTRY))),
    /root\.ppxar\.didx.*chunk ends at 1, the one before at/,
  ],
  [
    'offsets of an index are beyond all numbers',
    insteadOf(PAYLOAD!, (file) => edited(file, (copy) => copy.fill(255, ENTRIES, ENTRIES + 8))),
    /root\.ppxar\.didx/,
  ],
  ['an index is empty', insteadOf(TREE!, () => Buffer.alloc(0)), /root\.mpxar\.didx/],
  ['an index is another file', insteadOf(TREE!, () => Buffer.alloc(8192)), /root\.mpxar\.didx/],
  [
    'chunks have other content',
    insteadOfChunks(() => encodeBlob(Buffer.from('other content'), 'chunk', { compress: false })),
    /chunk [0-9a-f]{64}/,
  ],
  ['chunks are encrypted', insteadOfChunks(() => ENCRYPTED), /chunk [0-9a-f]{64}.*(encrypted|key)/],
  ['chunks are empty', insteadOfChunks(() => Buffer.alloc(0)), /chunk [0-9a-f]{64}/],
  ['chunks are cut', insteadOfChunks((chunk) => chunk.subarray(0, chunk.length - 1)), /chunk [0-9a-f]{64}/],
  [
    'chunks are longer than a chunk can be',
    insteadOfChunks(() => Buffer.alloc(16 * MIB + 45)),
    /chunk [0-9a-f]{64}.*longer than it can be/,
  ],
  [
    'chunks become longer than a chunk can be',
    insteadOfChunks(() => encodeBlob(Buffer.alloc(100 * MIB), 'chunk', { compress: true })),
    /chunk [0-9a-f]{64}/,
  ],
];

test('each lie ends a restore with an error that names it', async (t) => {
  await forEachTogether(LIES, ([lie, change, error]) =>
    restoreFrom(t, change, ({ result, directory }) => {
      failsClearly(t, result, lie);
      t.regex(result.stderr, error, lie);
      t.is(wholeFiles(t, join(directory, 'target'), lie), 0, lie);
    }),
  );
});

test('one wrong chunk costs the files in it, which are named, and no other', async (t) => {
  const last = [...indexChunks(fileOf(await honest, PAYLOAD!), PAYLOAD!)].at(-1)![0];
  const other = encodeBlob(Buffer.from('other content'), 'chunk', { compress: false });
  const change = (request: Request, reply: Reply): Reply =>
    request.query.get('digest') === last ? octets(other) : reply;
  await restoreFrom(t, change, ({ result, directory }) => {
    t.is(result.code, 3, result.stderr);
    t.regex(result.stderr, new RegExp(`"z": .*${last}`));
    t.is(wholeFiles(t, join(directory, 'target'), 'one chunk'), FILES.length - 1);
  });
});

/** Watches the most memory that a process has had, until it ends. Returns what gives it in MiB. */
function peakMemory(process: ChildProcess): () => number {
  let peak = 0;
  const sample = (): void => {
    const path = `/proc/${process.pid}/status`;
    const text = existsSync(path) ? readFileSync(path, 'latin1') : '';
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024);
  };
  const timer = setInterval(sample, 5);
  process.once('exit', () => clearInterval(timer));
  return () => peak;
}

/** Zeros without end. */
function endless(): Readable {
  const block = Buffer.alloc(64 * 1024);
  return new Readable({
    read(): void {
      this.push(block);
    },
  });
}

test('a body without end is given up, and memory stays bounded', async (t) => {
  const names: readonly (readonly [string, (request: Request) => boolean])[] = [
    ['manifest', (request) => isDownload(request, MANIFEST)],
    ['index', (request) => isDownload(request, PAYLOAD!)],
    ['chunk', ({ path }) => path === '/chunk'],
  ];
  for (const [name, isAffected] of names) {
    const change = (request: Request, reply: Reply): Reply =>
      isAffected(request) ? { ...reply, more: endless() } : reply;
    let peak = (): number => 0;
    const watch = (process: ChildProcess): void => {
      peak = peakMemory(process);
    };
    const check = ({ result }: Restored): void => {
      failsClearly(t, result, name);
      t.regex(result.stderr, /longer than it can be/, name);
      t.true(peak() > 0 && peak() < MEMORY_MIB, `${name}: ${peak()} MiB`);
    };
    await restoreFrom(t, change, check, watch);
  }
});

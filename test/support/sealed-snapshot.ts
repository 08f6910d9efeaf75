/**
 * A snapshot on disk, checked with its key by the words of the specification (indexes-blobs-chunks.md §2–5, snapshot-manifest.md §3.3):
 * signature, fingerprint, checksums, containers, digests. Shares nothing with the program: node:crypto, zlib's CRC and the program `zstd`.
 */
import { spawnSync } from 'node:child_process';
import { createDecipheriv, createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const manifestSchema = z.strictObject({
  'backup-id': z.string(),
  'backup-time': z.number(),
  'backup-type': z.string(),
  files: z.array(
    z.strictObject({ 'crypt-mode': z.string(), csum: z.string(), filename: z.string(), size: z.number() }),
  ),
  signature: z.string().nullable(),
  unprotected: z.record(z.string(), z.unknown()),
});

export type SealedManifest = z.infer<typeof manifestSchema>;

interface OpenContainer {
  readonly kind: 'plain' | 'encrypted';
  readonly content: Buffer;
}

export interface SealedSnapshot {
  readonly manifest: SealedManifest;
  /** By file name: the stream behind an index, or the content of a blob. */
  readonly contents: ReadonlyMap<string, Buffer>;
  /** Digests of all chunks in hex, by file name. */
  readonly digests: ReadonlyMap<string, readonly string[]>;
}

const MAGICS: Readonly<Record<string, { readonly zstd: boolean; readonly encrypted: boolean }>> = {
  '42ab3807be8370a1': { zstd: false, encrypted: false },
  '31b958426fb6a37f': { zstd: true, encrypted: false },
  '7b6785be222d4cf0': { zstd: false, encrypted: true },
  e6591bbf0bbfd80b: { zstd: true, encrypted: true },
};

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

function sha256(...parts: Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Sorted keys, no white space; none of these values needs more. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}

export function idKeyOf(secret: Buffer): Buffer {
  return pbkdf2Sync(secret, '_id_key', 10, 32, 'sha256');
}

export function fingerprintOf(secret: Buffer): string {
  const digest = sha256(sha256(Buffer.from('Proxmox Backup Encryption Key Fingerprint')), idKeyOf(secret));
  return digest.toString('hex').match(/../g)!.join(':');
}

/** Opens a container. Throws what is wrong with it. */
export function openContainer(bytes: Buffer, secret: Buffer | undefined): OpenContainer {
  const kind = MAGICS[bytes.subarray(0, 8).toString('hex')];
  if (kind === undefined) throw new Error('wrong magic');
  let body = bytes.subarray(kind.encrypted ? 44 : 12);
  expect(bytes.readUInt32LE(8) === crc32(body), 'wrong CRC');
  if (kind.encrypted) {
    if (secret === undefined) throw new Error('encrypted, and no key');
    const cipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(12, 28), { authTagLength: 16 });
    cipher.setAuthTag(bytes.subarray(28, 44));
    body = Buffer.concat([cipher.update(body), cipher.final()]);
  }
  if (kind.zstd) {
    const { status, stdout } = spawnSync('zstd', ['-dc'], { input: body, maxBuffer: 2 ** 26 });
    expect(status === 0, 'no zstd frame');
    body = stdout;
  }
  return { kind: kind.encrypted ? 'encrypted' : 'plain', content: body };
}

/** The newest snapshot of a group, as a path. */
export function newestSnapshot(store: string, group: string): string {
  const names = readdirSync(join(store, group)).filter((name) => /^\d{4}-/.test(name));
  return join(group, names.sort().at(-1)!);
}

function readManifest(directory: string, secret: Buffer | undefined): SealedManifest {
  const { kind, content } = openContainer(readFileSync(join(directory, 'index.json.blob')), undefined);
  expect(kind === 'plain', 'the manifest is encrypted');
  const manifest = manifestSchema.parse(JSON.parse(content.toString()));
  const { signature, unprotected, ...signed } = manifest;
  if (secret === undefined) {
    expect(signature === null && !('key-fingerprint' in unprotected), 'signed, and nobody asked for it');
    return manifest;
  }
  const mac = createHmac('sha256', idKeyOf(secret)).update(canonical(signed)).digest('hex');
  expect(signature === mac, 'wrong signature');
  expect(unprotected['key-fingerprint'] === fingerprintOf(secret), 'wrong fingerprint');
  return manifest;
}

/** End offset and digest of each chunk; checks the checksum, which covers the end offsets in dynamic indexes only. */
function readIndex(
  bytes: Buffer,
  name: string,
  { size, csum }: SealedManifest['files'][number],
): { readonly end: number; readonly digest: Buffer }[] {
  const isFixed = name.endsWith('.fidx');
  const entries = bytes.subarray(4096);
  const length = isFixed ? 32 : 40;
  expect(sha256(entries).toString('hex') === csum, `${name}: wrong checksum`);
  expect(bytes.subarray(32, 64).toString('hex') === csum, `${name}: wrong checksum in the header`);
  const found = Array.from({ length: entries.length / length }, (_, i) => {
    const at = i * length;
    const end = isFixed ? Math.min(size, (i + 1) * 2 ** 22) : Number(entries.readBigUInt64LE(at));
    return { end, digest: entries.subarray(at + length - 32, at + length) };
  });
  expect(found.at(-1)?.end === size, `${name}: wrong size`);
  return found;
}

/**
 * Reads and checks everything in a snapshot (`host/t/…`). `secret` is what it must be signed with, all files have `mode`. Throws the first
 * thing that is wrong.
 */
export function readSealed(
  store: string,
  snapshot: string,
  { secret, mode }: { readonly secret: Buffer | undefined; readonly mode: string },
): SealedSnapshot {
  const directory = join(store, snapshot);
  const manifest = readManifest(directory, secret);
  const kind = mode === 'encrypt' ? 'encrypted' : 'plain';
  const key = mode === 'encrypt' ? secret : undefined;
  const id = key === undefined ? Buffer.alloc(0) : idKeyOf(key);
  const contents = new Map<string, Buffer>();
  const digests = new Map<string, string[]>();
  for (const file of manifest.files) {
    const { filename, size, csum } = file;
    expect(file['crypt-mode'] === mode, `${filename}: crypt mode ${file['crypt-mode']}`);
    const bytes = readFileSync(join(directory, filename));
    if (filename.endsWith('.blob')) {
      expect(bytes.length === size && sha256(bytes).toString('hex') === csum, `${filename}: wrong checksum`);
      const blob = openContainer(bytes, key);
      // A key that is encrypted for a master key needs no other.
      expect(
        blob.kind === (filename === 'rsa-encrypted.key.blob' ? 'plain' : kind),
        `${filename}: ${blob.kind}`,
      );
      contents.set(filename, blob.content);
      continue;
    }
    const chunks = readIndex(bytes, filename, file);
    let start = 0;
    const parts = chunks.map(({ end, digest }, i) => {
      const hex = digest.toString('hex');
      const chunk = openContainer(readFileSync(join(store, '.chunks', hex.slice(0, 4), hex)), key);
      expect(chunk.kind === kind, `${filename}: chunk ${i} is ${chunk.kind}`);
      expect(chunk.content.length === end - start, `${filename}: chunk ${i} has another length`);
      expect(sha256(chunk.content, id).equals(digest), `${filename}: chunk ${i} has another digest`);
      start = end;
      return chunk.content;
    });
    contents.set(filename, Buffer.concat(parts));
    digests.set(
      filename,
      chunks.map(({ digest }) => digest.toString('hex')),
    );
  }
  return { manifest, contents, digests };
}

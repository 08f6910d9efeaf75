/** The manifest of a snapshot, `index.json.blob`. snapshot-manifest.md §3. */
import * as z from 'zod';
import { MANIFEST_NAME, parseServerName, type ServerName } from './archive-names.js';
import { decodeBlob, encodeBlob } from './blob.js';
import { ManifestError } from './errors.js';
import { canonicalJson, isTooDeep, type JsonValue, prettyJson } from './json-text.js';
import { backupTime, parseBackupId, parseBackupType, type SnapshotName } from './names.js';

/** How the chunks or the blob of a file are protected. */
export type CryptMode = 'none' | 'encrypt' | 'sign-only';

/** One file of a snapshot. §3.1. */
export interface ManifestFile {
  readonly filename: ServerName;
  readonly cryptMode: CryptMode;
  /** Length of the archive behind an index; length of the stored file for a blob. */
  readonly size: number;
  /** 64 hex digits: SHA-256 of an index's entries, or of a stored blob. */
  readonly csum: string;
}

export interface Manifest {
  readonly snapshot: SnapshotName;
  /** In the order in which they were added. */
  readonly files: readonly ManifestFile[];
  /** 64 hex digits; null if there is none. */
  readonly signature: string | null;
  /** Notes, verify state, key fingerprint and whatever else is there: not covered by the signature, kept as it is. §3.2. */
  readonly unprotected: { readonly [key: string]: JsonValue };
}

/** Longest manifest text, in bytes. */
const MAX_TEXT = 16 * 1024 * 1024;
const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** Runs a parser of names inside a schema. */
function parsed<In, Out>(parse: (value: In) => Out): (value: In, context: z.RefinementCtx) => Out {
  return (value, context) => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  };
}

const fileSchema = z
  .object({
    filename: z.string().transform(parsed(parseServerName)),
    'crypt-mode': z.enum(['none', 'encrypt', 'sign-only']).default('none'),
    size: z.int().nonnegative(),
    csum: digest,
  })
  .transform(({ 'crypt-mode': cryptMode, ...rest }): ManifestFile => ({ ...rest, cryptMode }));

const manifestSchema = z
  .object({
    'backup-type': z.string().transform(parsed(parseBackupType)),
    'backup-id': z.string().transform(parsed(parseBackupId)),
    'backup-time': z.number().transform(parsed(backupTime)),
    files: z.array(fileSchema),
    signature: digest.nullable().default(null),
    unprotected: z.record(z.string(), z.json()).default({}),
  })
  .refine(
    ({ files }) => new Set(files.map(({ filename }) => filename)).size === files.length,
    'a file is listed twice',
  );

function parseJson(text: Buffer, file: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text));
  } catch (cause) {
    throw new ManifestError('MANIFEST_JSON', file, 'the manifest is not JSON', { cause });
  }
  if (isTooDeep(value)) throw new ManifestError('MANIFEST_SHAPE', file, 'the manifest is nested too deeply');
  return value;
}

/** Parses the text of a manifest; unknown keys are dropped outside `unprotected`. Throws ManifestError. */
export function parseManifest(text: Buffer, file: string): Manifest {
  const result = manifestSchema.safeParse(parseJson(text, file));
  if (!result.success) {
    const cause = result.error;
    throw new ManifestError('MANIFEST_SHAPE', file, `not a manifest: ${z.prettifyError(cause)}`, { cause });
  }
  const { 'backup-type': type, 'backup-id': id, 'backup-time': time, ...rest } = result.data;
  return { snapshot: { type, id, time }, ...rest };
}

/** The part that a signature covers. §3.3. */
function protectedPart({ snapshot, files }: Manifest): { readonly [key: string]: JsonValue } {
  return {
    'backup-type': snapshot.type,
    'backup-id': snapshot.id,
    'backup-time': snapshot.time,
    files: files.map(({ filename, cryptMode, size, csum }) => ({
      filename,
      'crypt-mode': cryptMode,
      size,
      csum,
    })),
  };
}

/** The text whose HMAC is the signature. §3.3. */
export function canonicalManifest(manifest: Manifest): string {
  return canonicalJson(protectedPart(manifest));
}

/** The text as it is stored: pretty-printed, keys sorted. */
export function formatManifest(manifest: Manifest): string {
  const { signature, unprotected } = manifest;
  return prettyJson({ ...protectedPart(manifest), signature, unprotected });
}

/** Decodes `index.json.blob`; `file` is its path for errors. Throws BlobError or ManifestError. */
export function decodeManifest(bytes: Buffer, file: string = MANIFEST_NAME): Manifest {
  return parseManifest(decodeBlob(bytes, file, MAX_TEXT), file);
}

/** Encodes `index.json.blob`: compressed, never encrypted. */
export function encodeManifest(manifest: Manifest): Buffer {
  return encodeBlob(Buffer.from(formatManifest(manifest)), MANIFEST_NAME, { compress: true });
}

/** The manifest that a client uploads, against the recorded one and against what else it uploaded. protocol.md §7. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { sha256 } from './bodies.js';
import { contentOf } from './container.js';
import type { RecordedKey } from './recorded-key.js';

export const MANIFEST = 'index.json.blob';
/** The server adds it when it finishes. */
const ADDED_BY_SERVER = 'chunk_upload_stats';

const manifest = z
  .object({
    files: z.array(
      z.strictObject({
        filename: z.string(),
        'crypt-mode': z.string(),
        size: z.number(),
        csum: z.string(),
      }),
    ),
    signature: z.string().nullable(),
    unprotected: z.record(z.string(), z.unknown()),
  })
  .catchall(z.unknown());

type SentManifest = z.infer<typeof manifest>;

/** What a session has stored, by file name: indexes that were closed, blobs as uploaded. */
export interface StoredFiles {
  readonly indexes: ReadonlyMap<string, { readonly size: number; readonly csum: string }>;
  readonly blobs: ReadonlyMap<string, Buffer>;
}

function parse(container: Buffer): SentManifest {
  return manifest.parse(JSON.parse(contentOf(container, MANIFEST)?.toString() ?? ''));
}

function* identityDifferences(recorded: SentManifest, sent: SentManifest): Generator<string> {
  const { files: _f, signature, unprotected, ...identity } = recorded;
  for (const [key, want] of Object.entries(identity)) {
    if (!isDeepStrictEqual(sent[key], want))
      yield `${key} is ${JSON.stringify(sent[key])}, not ${JSON.stringify(want)}`;
  }
  if ((signature === null) !== (sent.signature === null))
    yield 'it is signed, or not, unlike the recorded one';
  for (const [key, want] of Object.entries(unprotected)) {
    if (key !== ADDED_BY_SERVER && !isDeepStrictEqual(sent.unprotected[key], want))
      yield `unprotected.${key} is not the recorded one`;
  }
}

function* fileDifferences(
  recorded: SentManifest,
  sent: SentManifest,
  stored: StoredFiles,
): Generator<string> {
  const names = (of: SentManifest): string =>
    of.files
      .map(({ filename }) => filename)
      .sort()
      .join(', ');
  if (names(recorded) !== names(sent)) yield `it lists ${names(sent)}, not ${names(recorded)}`;
  for (const { filename, 'crypt-mode': mode, size, csum } of sent.files) {
    const want = recorded.files.find((file) => file.filename === filename)?.['crypt-mode'];
    if (want !== undefined && want !== mode) yield `${filename} has crypt mode ${mode}, not ${want}`;
    const blob = stored.blobs.get(filename);
    const real = blob ? { size: blob.length, csum: sha256(blob) } : stored.indexes.get(filename);
    if (!isDeepStrictEqual(real, { size, csum }))
      yield `${filename} has another size or checksum than what was uploaded`;
  }
}

/** All differences, as sentences. Blobs may have been compressed otherwise than in the recording. */
export function manifestProblems(
  recorded: Buffer,
  sent: Buffer,
  stored: StoredFiles,
  key: RecordedKey | undefined,
): string[] {
  const [expected, actual] = [parse(recorded), parse(sent)];
  const found = [...identityDifferences(expected, actual), ...fileDifferences(expected, actual, stored)];
  if (key !== undefined && actual.signature !== key.signature(actual)) found.push('its signature is wrong');
  return found.map((text) => `the manifest: ${text}`);
}

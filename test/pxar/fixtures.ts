/** The golden archives of test/fixtures/pxar, unpacked, and what their listings say. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/pxar/', import.meta.url));

/** Bytes of a fixture file. */
export function fixture(name: string): Buffer {
  return readFileSync(join(FIXTURES, name));
}

/** Unpacks the archives into memory: file name to bytes. */
export function unpackArchives(): Map<string, Buffer> {
  const directory = mkdtempSync(join(tmpdir(), 'restat-pxar-'));
  try {
    const tar = join(FIXTURES, 'archives.tar.zst');
    const names = execFileSync('tar', ['-I', 'zstd --long=27', '-xvf', tar, '-C', directory], {
      encoding: 'utf8',
    });
    const files = names.split('\n').filter((name) => name !== '');
    return new Map(files.map((name) => [name, readFileSync(join(directory, name))]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The bytes of one unpacked archive. */
export function archiveOf(archives: ReadonlyMap<string, Buffer>, name: string): Buffer {
  const bytes = archives.get(name);
  if (bytes === undefined) throw new Error(`no archive ${name} in the fixtures`);
  return bytes;
}

const index = z.array(
  z.object({
    name: z.string(),
    archive: z.string(),
    payload: z.string().nullable(),
    format_version: z.number(),
    prelude: z.string().optional(),
  }),
);

/** One set of golden archives. */
export type ArchiveCase = z.infer<typeof index>[number];

export function archiveCases(): ArchiveCase[] {
  return index.parse(JSON.parse(fixture('index.json').toString()));
}

const listing = z.object({ entries: z.array(z.record(z.string(), z.unknown())) });

/** Entries of a listing without the fields that only repeat others. */
export function expectedListing(name: string): Record<string, unknown>[] {
  const { entries } = listing.parse(JSON.parse(fixture(`${name}.listing.json`).toString()));
  return entries.map(({ text: _text, flags: _flags, row_size_extra: _extra, ...rest }) => rest);
}

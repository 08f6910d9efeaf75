/** Catalogs made in memory, and what readers see in them. */
import type { CatalogEntry, WalkedEntry } from '../../src/catalog/entry.js';
import { CatalogError } from '../../src/catalog/errors.js';
import { ExtendedCatalogWriter } from '../../src/catalog/extended-writer.js';
import type { CatalogSource } from '../../src/catalog/pages.js';
import { CatalogReader } from '../../src/catalog/reader.js';
import { CatalogWriter } from '../../src/catalog/writer.js';

/** The name that errors of these catalogs carry. */
export const NAME = 'catalog.pcat1.didx';

/** A source over bytes in memory that counts what it gives. */
export function bufferSource(bytes: Buffer): CatalogSource & { given: number } {
  return {
    size: bytes.length,
    given: 0,
    read(offset, length) {
      this.given += length;
      return Promise.resolve(bytes.subarray(offset, offset + length));
    },
  };
}

export function openBytes(bytes: Buffer): Promise<CatalogReader> {
  return CatalogReader.open(bufferSource(bytes), NAME);
}

/** The bytes of the catalog that `write` writes. */
export function catalogOf(write: (writer: CatalogWriter) => void): Buffer {
  const blocks: Buffer[] = [];
  const writer = new CatalogWriter({ onBlock: (block) => blocks.push(block) });
  write(writer);
  writer.finish();
  return Buffer.concat(blocks);
}

/** The bytes of the version 2 catalog that `write` writes. */
export function extendedOf(write: (writer: ExtendedCatalogWriter) => void): Buffer {
  const blocks: Buffer[] = [];
  const writer = new ExtendedCatalogWriter({ onBlock: (block) => blocks.push(block) });
  write(writer);
  writer.finish();
  return Buffer.concat(blocks);
}

/** A name as text, byte for byte. */
export function raw(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}

/** Bytes written as hexadecimal digits, with blanks wherever they help. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

/** Everything that a walk comes to. */
export async function walk(bytes: Buffer): Promise<WalkedEntry[]> {
  const reader = await openBytes(bytes);
  const entries: WalkedEntry[] = [];
  for await (const entry of reader.walk()) entries.push(entry);
  return entries;
}

/** Everything in a directory. */
export async function listOf(
  reader: CatalogReader,
  directory: CatalogReader['root'],
): Promise<CatalogEntry[]> {
  const entries: CatalogEntry[] = [];
  for await (const entry of reader.list(directory)) entries.push(entry);
  return entries;
}

/** `d dir`, `f name size mtime`, … each behind as many blanks as there are directories above. */
export function lineOf({ depth, entry }: WalkedEntry): string {
  const file = entry.type === 'f' ? ` ${entry.size} ${entry.mtime}` : '';
  return `${' '.repeat(depth)}${entry.type} ${entry.name.toString('latin1')}${file}`;
}

/** The CatalogError that `read` ends with; undefined if it ends well. Other errors are thrown on. */
export async function catalogError(read: () => Promise<unknown>): Promise<CatalogError | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (error instanceof CatalogError) return error;
    throw error;
  }
}

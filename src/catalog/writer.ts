/** Writes catalogs of version 1, the one that the reference programs read. catalog.md §3, §4. */
import { MAGIC, Type } from './format.js';
import { type CatalogWriterOptions, TreeWriter } from './tree-writer.js';
import { isI, isU } from './varint.js';

/** Writer of a version 1 catalog. */
export class CatalogWriter extends TreeWriter {
  constructor(options: CatalogWriterOptions) {
    super(options, MAGIC[1]);
  }

  /**
   * Writes a regular file: its size in bytes, and its mtime in whole seconds since the epoch, rounded down; a bigint beyond
   * 2^53 - 1. Throws CatalogError.
   */
  file(name: Buffer, size: number, mtime: number | bigint, start = 0, end: number = name.length): void {
    if (!isU(size) || !isI(mtime)) throw this.fail('CATALOG_RANGE', `file of ${size} bytes, time ${mtime}`);
    const entry = this.beginEntry(Type.FILE, name, start, end);
    entry.u(size);
    entry.i(mtime);
  }

  protected override directoryType(): number {
    return Type.DIRECTORY;
  }
}

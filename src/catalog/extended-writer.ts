/** Writes catalogs of version 2, from which a later run learns what it may reuse. docs/formats.md. */
import type { FileExtension } from './entry.js';
import { MAGIC, SECOND, Type } from './format.js';
import { type CatalogWriterOptions, TreeWriter } from './tree-writer.js';
import { isI, isU } from './varint.js';

/** Writer of a version 2 catalog. `endDirectory` ends an archive that has no appendix. */
export class ExtendedCatalogWriter extends TreeWriter {
  constructor(options: CatalogWriterOptions) {
    super(options, MAGIC[2]);
  }

  /**
   * Writes a regular file as `CatalogWriter.file` does, with what a later run compares. `extension` is only read: a caller may
   * use one object for all files. Throws CatalogError.
   */
  file(
    name: Buffer,
    size: number,
    mtime: number | bigint,
    extension: FileExtension,
    start = 0,
    end: number = name.length,
  ): void {
    const { ctime, ctimeNanoseconds, mtimeNanoseconds, place, offset } = extension;
    if (!(isU(size) && isI(mtime) && isI(ctime) && isU(offset))) {
      const times = `times ${mtime} and ${ctime}`;
      throw this.fail('CATALOG_RANGE', `file of ${size} bytes at ${offset}, ${times}`);
    }
    if (!isNanoseconds(ctimeNanoseconds) || !isNanoseconds(mtimeNanoseconds)) {
      throw this.fail('CATALOG_TIME', `${mtimeNanoseconds} or ${ctimeNanoseconds} nanoseconds`);
    }
    const type = place === 'appendix' ? Type.APPENDIX_FILE : Type.FILE;
    const entry = this.beginEntry(type, name, start, end);
    entry.u(size);
    entry.i(mtime);
    entry.i(ctime);
    entry.u(ctimeNanoseconds);
    entry.u(mtimeNanoseconds);
    entry.u(offset);
  }

  /** Ends an archive whose appendix begins at `appendixStart`; 0 if it has none. Throws CatalogError. */
  endArchive(appendixStart: number): void {
    if (this.depth !== 1)
      throw this.fail('CATALOG_STATE', `${this.depth} directories are open, not an archive's`);
    if (!isU(appendixStart)) throw this.fail('CATALOG_RANGE', `appendix at ${appendixStart}`);
    this.closeDirectory().u(appendixStart);
  }

  override endDirectory(): void {
    if (this.depth === 1) this.endArchive(0);
    else super.endDirectory();
  }

  protected override directoryType(depth: number): number {
    return depth === 0 ? Type.ARCHIVE : Type.DIRECTORY;
  }
}

function isNanoseconds(value: number): boolean {
  return isU(value) && value < SECOND;
}

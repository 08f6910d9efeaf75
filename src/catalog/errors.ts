/** The one error class of the catalog codec. */

/** What was wrong; stable, for programs. */
export type CatalogErrorCode =
  /** The file does not begin as a catalog of a known version. catalog.md §1. */
  | 'CATALOG_MAGIC'
  /** Too short for a catalog, or the bytes received are fewer than those asked for. */
  | 'CATALOG_EOF'
  /** A number that does not end within its table, or has more bytes or bits than it may. §2. */
  | 'CATALOG_NUMBER'
  /** A number above 2^53 - 1 where a size, length or position is expected. */
  | 'CATALOG_RANGE'
  /** A block outside the file, or a child that does not lie before its parent and behind the child before it. §3, §4. */
  | 'CATALOG_POSITION'
  /** A table that is longer than its block may be, or whose entries do not fill it exactly. §3. */
  | 'CATALOG_TABLE'
  /** An unknown type of entry, or a known one where it must not stand. §3. */
  | 'CATALOG_TYPE'
  /** A name that is empty, too long, `.`, `..`, or has a slash or NUL. §3. */
  | 'CATALOG_NAME'
  /** Nanoseconds of a second or more. */
  | 'CATALOG_TIME'
  /** Deeper, or with longer paths, than restat's own bounds. */
  | 'CATALOG_LIMIT'
  /** The writer was called out of turn: no open directory, directories left open, or already finished. */
  | 'CATALOG_STATE';

/** A catalog that breaks the format, or a call that would write one. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError';
  readonly code: CatalogErrorCode;
  /** The catalog's name as the caller gave it. */
  readonly archive: string;
  /** Byte offset in the catalog. */
  readonly offset: number;

  constructor(code: CatalogErrorCode, archive: string, offset: number, problem: string) {
    super(`${archive}: at byte ${offset}: ${problem}`);
    this.code = code;
    this.archive = archive;
    this.offset = offset;
  }
}

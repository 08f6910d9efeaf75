/** Error classes of the snapshot formats; each carries a stable `code` and what it is about. */

/** What was wrong with a name. */
export type NameErrorCode =
  | 'NAME_BACKUP_TYPE'
  | 'NAME_BACKUP_ID'
  | 'NAME_BACKUP_TIME'
  | 'NAME_GROUP'
  | 'NAME_SNAPSHOT'
  | 'NAME_NAMESPACE'
  | 'NAME_ARCHIVE'
  /** A well-formed archive name that the snapshot does not have. */
  | 'NAME_ARCHIVE_UNKNOWN';

/** A group, snapshot, namespace or archive name that is not one. */
export class NameError extends Error {
  override readonly name = 'NameError';
  readonly code: NameErrorCode;
  /** The name that was refused. */
  readonly text: string;

  constructor(code: NameErrorCode, text: string, problem: string) {
    super(`${JSON.stringify(text)}: ${problem}`);
    this.code = code;
    this.text = text;
  }
}

/** What was wrong with an index. */
export type IndexErrorCode =
  /** The file does not start as this kind of index does. */
  | 'INDEX_MAGIC'
  /** The length is not a header and whole entries, or more than can be read. */
  | 'INDEX_LENGTH'
  /** Chunk ends that do not increase, or a number above 2^53 - 1. */
  | 'INDEX_ENTRY'
  /** An offset beyond the end of the archive. */
  | 'INDEX_OFFSET'
  /** Checksum or size differ from the manifest. */
  | 'INDEX_MISMATCH';

/** An index file that breaks the format, or a question that it cannot answer. */
export class IndexError extends Error {
  override readonly name = 'IndexError';
  readonly code: IndexErrorCode;
  readonly file: string;
  /** Byte offset in the file. */
  readonly offset: number;

  constructor(code: IndexErrorCode, file: string, offset: number, problem: string) {
    super(`${file}: at byte ${offset}: ${problem}`);
    this.code = code;
    this.file = file;
    this.offset = offset;
  }
}

/** What was wrong with a blob or chunk file. */
export type BlobErrorCode =
  /** Shorter than its header. */
  | 'BLOB_SHORT'
  /** None of the four known containers. */
  | 'BLOB_MAGIC'
  /** The stored checksum is not that of the stored bytes. */
  | 'BLOB_CRC'
  /** Content longer than the caller or the format allows. */
  | 'BLOB_TOO_LARGE'
  /** The compressed bytes cannot be decompressed. */
  | 'BLOB_ZSTD'
  /** The content is encrypted and no key was given. */
  | 'BLOB_ENCRYPTED'
  /** The content is not encrypted where the manifest says that it is. */
  | 'BLOB_PLAIN'
  /** It was encrypted with another key, or changed. */
  | 'BLOB_TAG';

/** A blob or chunk that cannot be decoded. */
export class BlobError extends Error {
  override readonly name = 'BlobError';
  readonly code: BlobErrorCode;
  readonly file: string;

  constructor(code: BlobErrorCode, file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
    this.code = code;
    this.file = file;
  }
}

/** What was wrong with a manifest. */
export type ManifestErrorCode =
  /** Not JSON in UTF-8. */
  | 'MANIFEST_JSON'
  /** JSON, but not of a manifest. */
  | 'MANIFEST_SHAPE';

/** A manifest that cannot be understood. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly code: ManifestErrorCode;
  readonly file: string;

  constructor(code: ManifestErrorCode, file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
    this.code = code;
    this.file = file;
  }
}

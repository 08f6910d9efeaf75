/** The chunk engine of the addon: chunk stores, streams on their way in, and streams read through an index. */
import type { CancelFlag, NativeBatch, NativeFile } from './native-scan.js';

/**
 * Entries of a dynamic index: 40 bytes each, u64 end offset of the chunk in the stream, then its digest (32).
 * indexes-blobs-chunks.md §2.2.
 */
export type IndexEntries = Buffer;

export interface ChunkStoreOptions {
  /** Root of the datastore; it holds `.chunks`. */
  readonly path: string | Buffer;
  /** `file`: fsync each new chunk and its directory. `none`: the caller syncs the file system. */
  readonly sync: 'file' | 'none';
  /** Owner of new files and directories. */
  readonly uid: number;
  readonly gid: number;
  /** Memory of decoded chunks that is kept for the next ones, in bytes; what a restore needs (72 MiB) if nothing is said. */
  readonly idleBytes?: number;
  /** New chunks are encrypted with it, and called by its digests; undefined: they are plain. */
  readonly key?: NativeCryptKey | undefined;
}

/** The chunks of a local datastore. */
export interface NativeChunkStore {
  /**
   * Entries of an index of a finished snapshot of the same group, in an archive of the same class (plain or encrypted): their
   * chunks are not stored again where their file is there and not empty. Throws INDEX_ENTRIES.
   */
  register(entries: Uint8Array): void;
  /** One chunk, decoded and verified. Rejects with CHUNK_MISSING, CHUNK_CORRUPT, BLOB_ENCRYPTED or a system error. */
  read(digest: Uint8Array): Promise<Buffer>;
  /** For each entry of an index (40 bytes) 1 if its chunk has a file that is not empty, else 0. */
  probe(entries: Uint8Array): Promise<Buffer>;
}

/** What became of a chunk that was received. */
export interface ReceivedChunk {
  /** It was there already. */
  readonly duplicate: boolean;
  readonly encrypted: boolean;
}

/** Chunks that clients of a server send; one for all clients of a datastore. indexes-blobs-chunks.md §8. */
export interface NativeChunkReceiver {
  /**
   * Stores a chunk of `size` plain bytes (1 to 16 MiB); `parts` joined are its container, at most 16 MiB and 44 bytes, and are
   * copied. Nobody's content takes the place of a chunk with another: a plain chunk must have the digest, an encrypted one cannot be
   * checked and is refused where a plain one is. Rejects with BLOB_SIZE, BLOB_MAGIC, ZSTD, CHUNK_LENGTH, CHUNK_DIGEST,
   * CHUNK_OCCUPIED, CHUNK_CONTENDED, CHUNK_FILE or a system error.
   */
  insert(digest: Uint8Array, size: number, parts: readonly Uint8Array[]): Promise<ReceivedChunk>;
  /** For each digest (32 bytes) 1 if its chunk has a file that is not empty, which gets a new access time, else 0. */
  touch(digests: Uint8Array): Promise<Buffer>;
}

/** The chunks that a session with a server knows. */
export interface NativeServerDigests {
  /** Entries of an index that the server registered, too. Throws INDEX_ENTRIES. */
  register(entries: Uint8Array): void;
  /** Another session begins, which knows nothing yet. */
  clear(): void;
}

/** A chunk to be sent: digest in hex, length of its plain data, and its container. */
export interface NativeUpload {
  readonly digest: string;
  readonly size: number;
  readonly encoded: ArrayBuffer;
}

/** Takes the chunks of one stream for a server; whoever pulls them sends them. */
export interface NativeUploadSink {
  /** The next chunk that the server does not know; undefined when there will be no more. Several may be asked for at once. */
  next(): Promise<NativeUpload | undefined>;
  /** A chunk has arrived: its memory goes, and makes room for others. */
  sent(encoded: ArrayBuffer): void;
  /** Encoded bytes that wait or are on their way. */
  readonly unsent: number;
  /** The stream has ended: what is there can still be pulled. */
  end(): void;
  /** Nothing is sent any more; the stream ends with ABORT_ERR. */
  stop(): void;
}

/** A chunk that somebody waits for: digest in hex. */
export interface NativeDownload {
  readonly id: number;
  readonly digest: string;
}

/** Chunks of a server for a ChunkReader; whoever pulls the wishes fetches them. */
export interface NativeDownloadLoader {
  /** The next chunk that is waited for; undefined after `stop`. Several may be asked for at once. */
  next(): Promise<NativeDownload | undefined>;
  /** The chunk's container, at most 16 MiB and 44 bytes long. */
  arrived(id: number, encoded: Uint8Array): void;
  /** Whoever waits gets an error with this code and message. */
  fail(id: number, code: string, message: string): void;
  /** Whoever waits gets ABORT_ERR. */
  stop(): void;
}

/** Where an ingest puts its chunks. */
export type NativeChunkSink = NativeChunkStore | NativeUploadSink;

export interface IngestOptions {
  readonly store: NativeChunkSink;
  /** A power of two from 64 KiB to 4 MiB. */
  readonly averageSize: number;
  /** The stream holds file contents: it is cut where files begin, too. */
  readonly payload: boolean;
  /** Memory for bytes in flight; at least eight times the average size, which is also what smaller values mean. */
  readonly ringBytes?: number;
  /** An image: all chunks but the last have exactly `averageSize` bytes. */
  readonly fixed?: boolean;
}

/** Counts of chunks and their plain bytes; `newEncodedBytes` is what was written. */
export interface IngestStats {
  readonly newChunks: number;
  readonly newBytes: number;
  readonly newEncodedBytes: number;
  readonly knownChunks: number;
  readonly knownBytes: number;
  /** Chunks that came by `inject`. */
  readonly injectedChunks: number;
  readonly injectedBytes: number;
}

export interface IngestProgress extends IngestStats {
  /** Bytes of the stream that were taken over so far. */
  readonly readBytes: number;
}

export interface IngestSummary {
  readonly entries: IndexEntries;
  /** Length of the stream. */
  readonly size: number;
  readonly chunks: number;
  /** SHA-256 over the entries. */
  readonly csum: Buffer;
  readonly stats: IngestStats;
}

/**
 * One archive stream. Its parts stand in the order of the calls; a promise is fulfilled when the bytes are taken over,
 * which is the back-pressure: whoever does not wait fills memory. The first error while storing ends the stream, and all
 * promises reject with it.
 */
export interface NativeIngest {
  /** Appends a copy of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Appends files of a batch, each with its PAYLOAD header. */
  writeBatch(batch: NativeBatch, indexes: Uint32Array): Promise<void>;
  /**
   * Appends bytes with files of a batch between them, each with its PAYLOAD header: file i stands before bytes[ends[i]]. `ends`
   * ascend, one for each index. Throws TypeError where they do not.
   */
  writeMixed(batch: NativeBatch, indexes: Uint32Array, bytes: Uint8Array, ends: Uint32Array): Promise<void>;
  /**
   * Appends a PAYLOAD header and the first `size` bytes of the file. Where the file is shorter zeros stand in for the
   * rest; the number of bytes that were there comes back. Also where reading fails, but then the promise rejects with
   * that error (`syscall` is `pread`, which errors of the store never have) and the stream goes on. Throws TypeError for
   * a file that was compared.
   */
  writeFile(file: NativeFile, size: number): Promise<number>;
  /**
   * Appends `length` bytes of an image from `offset` on, without a header. Zeros stand in for what is missing at the end of the file;
   * the number of bytes that were there comes back. Rejects at once where reading fails, with `syscall` `pread`.
   */
  writeRange(file: NativeFile, offset: number, length: number): Promise<number>;
  /**
   * Appends what comes out of a pipe until its end; the number of bytes comes back. Rejects with ABORT_ERR when `cancel` is set, and
   * where reading fails, with `syscall` `read`.
   */
  writeStream(pipe: NativeFile, cancel: CancelFlag): Promise<number>;
  /** Appends whole chunks of zeros to a fixed stream, without making them. Rejects with INGEST_ALIGN where no chunk begins. */
  writeZeros(chunks: number): Promise<void>;
  /**
   * Appends chunks that the store has, without their data: 40 bytes each, u64 length and digest. The stream is cut before them
   * and goes on behind them. A chunk that is missing (CHUNK_MISSING) ends the stream.
   */
  inject(chunks: Uint8Array): Promise<void>;
  /** Length of the stream with everything that was appended, taken over or not. */
  readonly position: number;
  progress(): IngestProgress;
  /** Ends the stream; fulfilled when all chunks are stored. */
  finish(): Promise<IngestSummary>;
  /**
   * Makes no new chunks until `resume`; gives the entries so far, when every chunk of them is in the store or sink. Rejects with
   * INGEST_PAUSED, INGEST_FINISHED (the entries are those of `finish` then), or what went wrong.
   */
  pause(): Promise<IndexEntries>;
  resume(): void;
  /** Drops the stream: what waits rejects with ABORT_ERR. Chunks that are stored stay. */
  abort(): void;
}

/** What an archive is written to. */
export type ArchiveStream = Omit<NativeIngest, 'pause' | 'resume' | ImageWrites>;

type ImageWrites = 'writeRange' | 'writeStream' | 'writeZeros';

/** What an image is written to. */
export type ImageStream = Pick<NativeIngest, ImageWrites | 'write' | 'progress' | 'finish' | 'abort'>;

export interface ChunkReaderOptions {
  readonly store: NativeChunkStore | NativeDownloadLoader;
  readonly entries: Uint8Array;
  /** Decoded chunks that are kept for the next read. */
  readonly cacheBytes: number;
  /** Its chunks must be encrypted with this key; without one they must not be encrypted. */
  readonly key?: NativeCryptKey | undefined;
}

declare const cryptKey: unique symbol;
/** A key in native memory, which is overwritten when nobody uses the key any more, at the latest. */
export interface NativeCryptKey {
  readonly [cryptKey]: true;
  /**
   * AES-256-GCM in place, which leaves no copy of what was encrypted. Throws CRYPT_TAG, with anything in `data`,
   * where the key is another one or the data were changed. indexes-blobs-chunks.md §4.1.
   */
  decrypt(iv: Uint8Array, tag: Uint8Array, data: Uint8Array): void;
  /** Overwrites it now. Whatever is to be encrypted, decrypted or digested with it from then on fails with CRYPT_WIPED. */
  wipe(): void;
}

/** A stream as its index gives it. Native calls that read payloads take it, too. */
export interface NativeChunkReader {
  /** Length of the stream. */
  size(): number;
  /** At most 256 MiB within the stream. Throws RangeError; rejects as NativeChunkStore.read, or with ABORT_ERR. */
  read(offset: number, length: number, cancel?: CancelFlag): Promise<Buffer>;
}

export interface NativeChunks {
  /** Throws the error of open(2) where there is no `.chunks`. */
  ChunkStore: new (
    options: ChunkStoreOptions,
  ) => NativeChunkStore;
  /** Throws the error of open(2) where there is no `.chunks`. */
  ChunkReceiver: new (
    options: Omit<ChunkStoreOptions, 'idleBytes' | 'key'>,
  ) => NativeChunkReceiver;
  ServerDigests: new () => NativeServerDigests;
  /** At most `limitBytes` of encoded chunks wait or are on their way. With a key they are encrypted. */
  UploadSink: new (
    digests: NativeServerDigests,
    limitBytes: number,
    key?: NativeCryptKey,
  ) => NativeUploadSink;
  /** Chunks that cannot be read are doubted in `digests`, and sent again if they are made again. */
  DownloadLoader: new (
    digests?: NativeServerDigests,
  ) => NativeDownloadLoader;
  Ingest: new (options: IngestOptions) => NativeIngest;
  /** 32 bytes each, copied: what encrypts, and what ends the digested data (indexes-blobs-chunks.md §5.1). */
  CryptKey: new (
    secret: Uint8Array,
    id: Uint8Array,
  ) => NativeCryptKey;
  /** Throws INDEX_ENTRIES: not a multiple of 40 bytes, ends that do not ascend, a chunk of more than 16 MiB. */
  ChunkReader: new (
    options: ChunkReaderOptions,
  ) => NativeChunkReader;
}

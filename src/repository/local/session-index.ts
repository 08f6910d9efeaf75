/** The file of an index while it grows: entries are on disk as they come, the header and the name come last. */
import { randomBytes } from 'node:crypto';
import { constants, type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerName } from '../../snapshot/archive-names.js';
import { HEADER_SIZE } from '../../snapshot/dynamic-index.js';
import { FILE_MODE, type GrowingSnapshot } from './session-directory.js';

export class GrowingIndex {
  readonly #snapshot: GrowingSnapshot;
  readonly #file: FileHandle;
  readonly #path: string;

  private constructor(snapshot: GrowingSnapshot, file: FileHandle, path: string) {
    this.#snapshot = snapshot;
    this.#file = file;
    this.#path = path;
  }

  /** A new file in the snapshot's directory; it goes with that unless it is completed. */
  static async create(snapshot: GrowingSnapshot): Promise<GrowingIndex> {
    const path = join(snapshot.directory, `.index-${randomBytes(6).toString('hex')}`);
    const { O_RDWR, O_CREAT, O_EXCL } = constants;
    return new GrowingIndex(snapshot, await open(path, O_RDWR | O_CREAT | O_EXCL, 0o600), path);
  }

  /** `offset` counts from the first entry. */
  async write(entries: Buffer, offset: number): Promise<void> {
    for (let done = 0; done < entries.length; ) {
      const rest = entries.length - done;
      done += (await this.#file.write(entries, done, rest, HEADER_SIZE + offset + done)).bytesWritten;
    }
  }

  /** The first `length` bytes of the entries, piece by piece; what was never written is zeros. */
  async *entries(length: number): AsyncGenerator<Buffer> {
    const PIECE = 128 * 1024;
    for (let at = 0; at < length; at += PIECE) {
      const piece = Buffer.alloc(Math.min(PIECE, length - at));
      await this.#file.read(piece, 0, piece.length, HEADER_SIZE + at);
      yield piece;
    }
  }

  /** The index gets its header (4096 bytes), its length and its name; another file of that name gives way. */
  async complete(name: ServerName, header: Buffer, entriesLength: number): Promise<void> {
    const { uid, gid, sync } = this.#snapshot.parts;
    await this.write(header, -HEADER_SIZE);
    await this.#file.truncate(HEADER_SIZE + entriesLength);
    await this.#file.chown(uid, gid);
    await this.#file.chmod(FILE_MODE);
    if (sync === 'file') await this.#file.sync();
    await rename(this.#path, join(this.#snapshot.directory, name));
    await this.close();
  }

  /** Nothing of it stays. */
  async discard(): Promise<void> {
    await this.close();
    await unlink(this.#path);
  }

  /** Closes the file; nothing happens the second time. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

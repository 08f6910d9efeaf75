/** Getting what was written onto the disk, and hearing of it when that failed. */
import { type FileHandle, open } from 'node:fs/promises';
import { native } from '../../native.js';
import { takeAll } from './session-close.js';

/** fsync of a directory: the names in it are on disk afterwards. Rejects with the system's error. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * The file systems that a backup writes to. Held open from before the first write: syncfs tells a descriptor of failed
 * write-back only since it was opened.
 */
export class OpenFileSystems {
  readonly #directories: (readonly [string, FileHandle])[] = [];

  /** Opens the file system of a directory. Rejects with the system's error. */
  async add(path: string): Promise<void> {
    this.#directories.push([path, await open(path, 'r')]);
  }

  /** Everything written to them is on disk afterwards; rejects where some of it was lost. */
  async sync(): Promise<void> {
    for (const [path, { fd }] of this.#directories) await native.syncFilesystem(fd, path);
  }

  /** Rejects with the first error, when all of them are closed. */
  close(): Promise<void> {
    return takeAll(
      this.#directories.splice(0).map(
        ([, handle]) =>
          () =>
            handle.close(),
      ),
    );
  }
}

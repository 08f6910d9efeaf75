/** The access file as a server sees it: always the newest state, read again only when it changed. */
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { systemCode } from '../../repository/errors.js';
import type { Access } from './access.js';
import { loadAccess } from './access-file.js';
import { AccessError } from './errors.js';

/** What differs when another file has taken the name. */
function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

export class LiveAccess {
  readonly #path: string;
  #stamp: string | undefined;
  #access: Promise<Access> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The state of now; the same object as long as nothing changes. Throws AccessError `ACCESS_FILE`, without the path. */
  async current(): Promise<Access> {
    try {
      const stamp = await this.#look();
      if (this.#access === undefined || stamp !== this.#stamp) {
        // A change between look and read is noticed at the next look.
        this.#stamp = stamp;
        this.#access = loadAccess(this.#path);
      }
      return await this.#access;
    } catch (cause) {
      this.#access = undefined;
      throw new AccessError('ACCESS_FILE', 'the list of users cannot be read', { cause });
    }
  }

  async #look(): Promise<string> {
    try {
      return stampOf(await stat(this.#path, { bigint: true }));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return 'missing';
      throw error;
    }
  }
}

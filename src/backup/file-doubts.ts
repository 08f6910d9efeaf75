/** What speaks against files as they were read: named in warnings, and, where the next run must not trust them, by payload offset. */

import { nameBytes, statWord } from '../native-listing.js';
import { READ, STAT } from '../native-scan.js';
import { errnoText, kindOfErrno } from './entry-errors.js';
import type { Report, WarningKind } from './report.js';
import type { ScannedDirectory } from './scanned-directory.js';

/** At most so many untrusted files of one archive are named; with more the whole run counts as racy (design §4.8). */
export const UNTRUSTED_MAX = 1000;

/** Path of a row inside its archive, latin1. */
export function pathOf(directory: ScannedDirectory, row: number): string {
  const name = nameBytes(directory.list, statWord(directory.stats, row, STAT.nameIndex));
  return `${directory.path}/${name.toString('latin1')}`;
}

export class FileDoubts {
  readonly #report: Report;
  /** Payload offsets of files that changed while they were read; more than UNTRUSTED_MAX are only counted. */
  readonly untrusted: number[] = [];
  untrustedCount = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** A row that is not stored. */
  leftOut(directory: ScannedDirectory, row: number, message: string): void {
    this.#warn(directory, row, 'unreadable', message);
  }

  /** A row that is not stored because a system call failed. */
  failed(directory: ScannedDirectory, row: number, errno: number): void {
    this.#warn(directory, row, kindOfErrno(errno), errnoText(errno));
  }

  /** A file of which only the beginning could be read; its payload is at `offset`. */
  brokeOff(directory: ScannedDirectory, row: number, offset: number): void {
    this.#distrust(offset);
    this.#warn(directory, row, 'unreadable', 'reading failed: zeros stand in for what could not be read');
  }

  /** A file that changed as the bits of READ say; its payload is at `offset`. */
  changed(directory: ScannedDirectory, row: number, status: number, offset: number): void {
    this.#distrust(offset);
    const how =
      (status & READ.short) !== 0
        ? 'shrank while it was read: filled with zeros'
        : (status & READ.longer) !== 0
          ? 'grew while it was read: cut'
          : 'changed while it was read';
    this.#warn(directory, row, 'changed', how);
  }

  #distrust(offset: number): void {
    this.untrustedCount += 1;
    if (this.untrusted.length < UNTRUSTED_MAX) this.untrusted.push(offset);
  }

  #warn(directory: ScannedDirectory, row: number, kind: WarningKind, message: string): void {
    this.#report.warn(kind, Buffer.from(pathOf(directory, row), 'latin1'), message);
  }
}

/** Progress of a backup over all its archives. */
import type { ArchiveProgress } from '../../backup/archive.js';
import type { Totals } from './progress.js';
import type { Reporter } from './reporter.js';

export class BackupProgress {
  readonly #reporter: Reporter;
  #total: Totals | undefined;
  /** Bytes of the archives before the current one. */
  #before = 0;
  #archive = '';
  #read = 0;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** From now on percent and time left are shown. */
  setTotal(total: Totals): void {
    this.#total = total;
  }

  update({ archive, payload, files, path }: ArchiveProgress): void {
    if (archive !== this.#archive) {
      this.#before += this.#read;
      this.#archive = archive;
    }
    this.#read = payload.readBytes;
    this.#reporter.progress({ archive, bytes: this.#before + this.#read, files, total: this.#total, path });
  }
}

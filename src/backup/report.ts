/** What happened to files that could not simply be stored. Counted, and handed on one by one. */
import { REASON_NAMES } from '../detect/reasons.js';

export type WarningKind =
  | 'vanished'
  | 'unreadable'
  | 'replaced'
  | 'changed'
  | 'xattrs skipped'
  | 'bad pattern'
  | 'notice';

export interface Warning {
  readonly kind: WarningKind;
  /** Path inside the archive as bytes, '/' first; empty for the root. */
  readonly path: Buffer;
  readonly message: string;
}

/** Kinds after which the run ends with exit code 3. */
const INCOMPLETE: ReadonlySet<WarningKind> = new Set([
  'vanished',
  'unreadable',
  'replaced',
  'changed',
  'xattrs skipped',
]);

export interface Totals {
  files: number;
  directories: number;
  symlinks: number;
  hardlinks: number;
  specials: number;
  excluded: number;
  /** Bytes of file contents stored. */
  bytes: number;
}

/** Files and their bytes of content, for each Reason by its number. */
export interface ReasonCounts {
  readonly files: Float64Array;
  readonly bytes: Float64Array;
}

export interface ReportListeners {
  readonly onWarning: (warning: Warning) => void;
  /** Gets each file that is stored with its reason; undefined: nobody asks. */
  readonly onFile?: ((path: Buffer, reason: number, size: number) => void) | undefined;
}

export class Report {
  readonly totals: Totals = {
    files: 0,
    directories: 0,
    symlinks: 0,
    hardlinks: 0,
    specials: 0,
    excluded: 0,
    bytes: 0,
  };
  readonly counts = new Map<WarningKind, number>();
  readonly reasons: ReasonCounts = {
    files: new Float64Array(REASON_NAMES.length),
    bytes: new Float64Array(REASON_NAMES.length),
  };
  readonly #listeners: ReportListeners;

  constructor(listeners: ReportListeners) {
    this.#listeners = listeners;
  }

  /** A file of `size` bytes is stored; `reason` says why it is read, or that it is reused. */
  stored(reason: number, size: number, path: () => Buffer): void {
    this.totals.files += 1;
    this.totals.bytes += size;
    this.reasons.files[reason]! += 1;
    this.reasons.bytes[reason]! += size;
    this.#listeners.onFile?.(path(), reason, size);
  }

  warn(kind: WarningKind, path: Buffer, message: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#listeners.onWarning({ kind, path, message });
  }

  /** True if some file is missing from the archive or may not be as it was. */
  get incomplete(): boolean {
    for (const kind of this.counts.keys()) if (INCOMPLETE.has(kind)) return true;
    return false;
  }
}

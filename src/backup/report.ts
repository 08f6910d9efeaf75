/** What happened to files that could not simply be stored. Counted, and handed on one by one. */

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
  readonly #onWarning: (warning: Warning) => void;

  constructor(onWarning: (warning: Warning) => void) {
    this.#onWarning = onWarning;
  }

  warn(kind: WarningKind, path: Buffer, message: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#onWarning({ kind, path, message });
  }

  /** True if some file is missing from the archive or may not be as it was. */
  get incomplete(): boolean {
    for (const kind of this.counts.keys()) if (INCOMPLETE.has(kind)) return true;
    return false;
  }
}

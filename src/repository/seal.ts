/** How a backup is protected: what its chunks and blobs are encrypted with, what signs its manifest. indexes-blobs-chunks.md §4.3. */
import type { EncryptionKey } from '../keys/encryption-key.js';
import type { Fingerprint } from '../keys/fingerprint.js';
import { canonicalJson, type JsonValue } from '../snapshot/json-text.js';
import { type CryptMode, canonicalManifest, type Manifest } from '../snapshot/manifest.js';
import { NO_RUN_NOTES, type RunNotes, runNotes } from '../snapshot/run-notes.js';
import { type KeySource, missingKey } from './snapshot-key.js';

/** Where restat's notes stand in `unprotected`, and in them what tells that they are as they were written. */
const NOTES = 'restat';
const NOTES_MAC = 'mac';

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Notes and what they belong to. No manifest begins like this, so that none can be made of what is signed here. Throws TypeError for what
 * has no canonical form.
 */
function notesText(manifest: Manifest, notes: { readonly [key: string]: JsonValue }): string {
  return `restat run notes\n${canonicalJson(notes)}\n${canonicalManifest(manifest)}`;
}

export class Seal {
  /** Crypt mode of every file of the backup. */
  readonly mode: CryptMode;
  readonly #key: EncryptionKey | undefined;

  private constructor(mode: CryptMode, key: EncryptionKey | undefined) {
    this.mode = mode;
    this.#key = key;
  }

  /** Plain and not signed. */
  static readonly none: Seal = new Seal('none', undefined);

  /** Signed with a key, and encrypted with it, or not. The key stays the caller's, who wipes it when the backup has ended. */
  static of(mode: Exclude<CryptMode, 'none'>, key: EncryptionKey): Seal {
    return new Seal(mode, key);
  }

  /** Of the key; undefined where there is none. */
  get fingerprint(): Fingerprint | undefined {
    return this.#key?.fingerprint;
  }

  /** What chunks and blobs are encrypted with; undefined: they are plain. */
  get encryption(): EncryptionKey | undefined {
    return this.mode === 'encrypt' ? this.#key : undefined;
  }

  /** What an older snapshot must be signed with to be referred to; undefined: its signature does not matter. */
  get keys(): KeySource | undefined {
    const key = this.#key;
    return key === undefined ? undefined : { isNamed: true, unlock: () => Promise.resolve(key) };
  }

  /** Whether chunks of an archive with this mode are of the class that this backup writes: encrypted, or plain. §4.3. */
  shares(mode: CryptMode): boolean {
    return (mode === 'encrypt') === (this.mode === 'encrypt');
  }

  /** Why nothing of an older snapshot can be read: it is encrypted, and there is no key. */
  lackedKey(manifest: Manifest): string | undefined {
    const isEncrypted = manifest.files.some(({ cryptMode }) => cryptMode === 'encrypt');
    return isEncrypted && this.#key === undefined ? missingKey(manifest).message : undefined;
  }

  /** The manifest of a backup, signed where there is a key. snapshot-manifest.md §3.3. */
  manifest(parts: Omit<Manifest, 'signature'>): Manifest {
    const key = this.#key;
    if (key === undefined) return { ...parts, signature: null };
    const { unprotected } = parts;
    const manifest = { ...parts, signature: null };
    const notes = unprotected[NOTES];
    const marked = isObject(notes)
      ? { [NOTES]: { ...notes, [NOTES_MAC]: key.sign(notesText(manifest, notes)) } }
      : {};
    return {
      ...manifest,
      signature: key.sign(canonicalManifest(manifest)),
      unprotected: { ...unprotected, ...marked, 'key-fingerprint': key.fingerprint },
    };
  }

  /**
   * When a run began that noted nothing of it, in seconds: when its index was made (`ctime`), but with a key not after the time in its
   * manifest, the only one that is signed. That is the run's beginning, unless somebody gave another time or the run made checkpoints.
   */
  startWithoutNotes({ snapshot }: Manifest, ctime: number): number {
    return this.#key === undefined ? ctime : Math.min(ctime, snapshot.time);
  }

  /**
   * What an older run noted in its manifest. The signature of that does not cover notes: with a key, those that are not marked with it
   * are left out.
   */
  notes(manifest: Manifest): RunNotes {
    const key = this.#key;
    if (key === undefined) return runNotes(manifest);
    const notes = manifest.unprotected[NOTES];
    if (!isObject(notes)) return NO_RUN_NOTES;
    const { [NOTES_MAC]: mac, ...rest } = notes;
    if (typeof mac !== 'string') return NO_RUN_NOTES;
    let text: string;
    try {
      text = notesText(manifest, rest);
    } catch {
      // Other values than those that are signed.
      return NO_RUN_NOTES;
    }
    return key.verifies(text, mac) ? runNotes(manifest) : NO_RUN_NOTES;
  }
}

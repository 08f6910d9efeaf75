/** Change detection of a run: which archives have it, the previous snapshot, one statement an archive. CD §3. */
import { defaultPrices } from '../detect/defaults.js';
import { Detector } from '../detect/detector.js';
import { Injection } from '../detect/injection.js';
import type { PaddingBudget } from '../detect/padding.js';
import { PreviousCatalog } from '../detect/previous-catalog.js';
import { type NoReference, openReference, type Reference } from '../detect/reference.js';
import { RepositoryError } from '../repository/errors.js';
import type { BackupSession, SnapshotReader } from '../repository/repository.js';
import type { ArchiveName } from '../snapshot/archive-names.js';
import { isCheckpoint } from '../snapshot/checkpoint.js';
import type { Instant } from '../snapshot/run-notes.js';
import { failedVerification } from '../snapshot/verify-state.js';
import type { ArchiveDetection } from './archive.js';

/** What the command line says of change detection. */
export interface DetectionWishes {
  /** Archives in mode `metadata`; the others read everything. */
  readonly archives: ReadonlySet<ArchiveName>;
  readonly budget: PaddingBudget;
  /** After so many metadata runs everything is read once; undefined: never. */
  readonly fullEvery: number | undefined;
}

export interface DetectionContext {
  readonly session: BackupSession;
  /** Split archives are compared with their metadata streams, single ones with the run's catalog. */
  readonly layout: Layout;
  readonly averageSize: number;
  readonly temporaryDirectory: string;
  readonly now: Instant;
  readonly say: (message: string) => void;
}

/** How trees are stored: as pairs of archives, or each as one and a catalog for all of them. */
export type Layout = 'split' | 'single';

/** What a reference is, in the messages of each layout. */
const KIND = { split: 'index', single: 'catalog' } as const;

const NO_MANIFEST = 'No previous manifest, fallback to regular mode';

/** Why the previous manifest cannot be used: whoever backs up has another way out of a missing signature than a reader. */
function refusalOf(error: unknown): string {
  if (error instanceof RepositoryError && error.code === 'MANIFEST_UNSIGNED')
    return 'it is not signed with the key of this backup';
  return error instanceof Error ? error.message : String(error);
}

export class RunDetection {
  readonly #wishes: DetectionWishes;
  readonly #context: DetectionContext;
  #previous: SnapshotReader | undefined;
  /** Why the previous snapshot cannot serve. */
  #refusal = NO_MANIFEST;
  readonly #open: Reference[] = [];
  /** Fetched with the first archive that asks for it. */
  #catalog: PreviousCatalog | NoReference | undefined;
  #generation = 0;

  constructor(wishes: DetectionWishes, context: DetectionContext) {
    this.#wishes = wishes;
    this.#context = context;
  }

  /** How many metadata runs in a row this run makes; 0 when everything was read. */
  get generation(): number {
    return this.#open.length === 0 ? 0 : this.#generation;
  }

  /** Looks at the previous snapshot. Nothing that is wrong with it is an error. */
  async begin(): Promise<void> {
    const { session } = this.#context;
    if (this.#wishes.archives.size === 0 || session.previous === undefined) return;
    try {
      this.#previous = await session.openPrevious();
    } catch (error) {
      const reason = refusalOf(error);
      this.#refusal = `Couldn't read previous manifest, fallback to regular mode - ${reason}`;
      return;
    }
    const { fullEvery } = this.#wishes;
    const { generation } = session.seal.notes(this.#previous.manifest);
    const missing = session.seal.lackedKey(this.#previous.manifest);
    if (missing !== undefined) {
      await this.#refuse(`Couldn't re-use previous manifest, fallback to regular mode - ${missing}`);
    } else if (isCheckpoint(this.#previous.manifest)) {
      await this.#refuse(
        'The previous snapshot is a checkpoint of an unfinished backup, fallback to regular mode',
      );
    } else if (failedVerification(this.#previous.manifest)) {
      await this.#refuse('Verification of the previous snapshot failed, fallback to regular mode');
    } else if (fullEvery !== undefined && generation >= fullEvery) {
      await this.#refuse(
        `Everything is read after ${generation} metadata runs, as --full-every ${fullEvery} says`,
      );
    } else {
      this.#generation = generation + 1;
    }
  }

  /** The detection of one archive, or undefined where everything is read; says which, and why. */
  async archive(name: ArchiveName): Promise<ArchiveDetection | undefined> {
    if (!this.#wishes.archives.has(name)) return undefined;
    const { layout, say } = this.#context;
    if (this.#previous === undefined) {
      say(this.#refusal);
      return undefined;
    }
    const found = await this.#find(this.#previous, name);
    if ('message' in found) {
      say(found.message);
      return undefined;
    }
    this.#open.push(found);
    say(`Using previous ${KIND[layout]} as metadata reference for '${found.name}'`);
    return this.#detectionOf(found);
  }

  /** Closes what was opened. */
  async close(): Promise<void> {
    for (const reference of this.#open) await reference.close();
    if (this.#catalog instanceof PreviousCatalog) await this.#catalog.close();
    await this.#previous?.close();
  }

  async #find(previous: SnapshotReader, name: ArchiveName): Promise<Reference | NoReference> {
    const { session, layout, temporaryDirectory } = this.#context;
    if (layout === 'split') return openReference(previous, session, name, temporaryDirectory);
    this.#catalog ??= await PreviousCatalog.open(previous, session.seal, temporaryDirectory);
    return this.#catalog instanceof PreviousCatalog ? this.#catalog.reference(name, session) : this.#catalog;
  }

  async #refuse(message: string): Promise<void> {
    this.#refusal = message;
    await this.#previous?.close();
    this.#previous = undefined;
  }

  #detectionOf(reference: Reference): ArchiveDetection {
    const { layout, averageSize, now, say } = this.#context;
    const detector = new Detector(reference, {
      prices: defaultPrices(averageSize, reference.map.meanChunk),
      budget: this.#wishes.budget,
      now,
      readsBetween: layout === 'split',
      onDamage: (error, position, resumed) => {
        const reason = error instanceof Error ? error.message : String(error);
        const rest = resumed ? 'the part behind it is used' : 'the rest has no reference';
        say(`Metadata reference '${reference.name}' is damaged at byte ${position}, ${rest}: ${reason}`);
      },
    });
    return { detector, injection: new Injection(reference.map, reference.payload) };
  }
}

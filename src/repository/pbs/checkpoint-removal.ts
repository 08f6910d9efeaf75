/** Removes checkpoints of a group: at most one is there at a time, and none when the group has a complete snapshot. */
import { isCheckpoint, isIncompleteName } from '../../snapshot/checkpoint.js';
import { formatSnapshot, type Namespace, type SnapshotName } from '../../snapshot/names.js';
import type { Repository, SnapshotInfo } from '../repository.js';
import { ServerError } from './server-error.js';

export class CheckpointRemoval {
  readonly #repository: Repository;
  readonly #namespace: Namespace;
  readonly #current: SnapshotName;
  readonly #say: (message: string) => void;
  #refused = false;

  /** `current` is the snapshot that is being written. */
  constructor(
    repository: Repository,
    namespace: Namespace,
    current: SnapshotName,
    say: (message: string) => void,
  ) {
    this.#repository = repository;
    this.#namespace = namespace;
    this.#current = current;
    this.#say = say;
  }

  /** Whether checkpoints could be removed. If not, it has been said. */
  async isAllowed(): Promise<boolean> {
    const { pruneGroup } = this.#repository.management();
    try {
      // Needs the same rights, and does nothing.
      await pruneGroup?.call(
        this.#repository.management(),
        this.#namespace,
        this.#current,
        {},
        { dryRun: true },
      );
      return true;
    } catch (error) {
      if (!(error instanceof ServerError) || error.status !== 403) return true;
      this.#refuse(error, []);
      return false;
    }
  }

  /** The checkpoints of the group, old ones first, as far as the server tells; `known` is one. */
  async leftovers(known: SnapshotName): Promise<SnapshotName[]> {
    const found: SnapshotName[] = [];
    try {
      const all = await this.#repository.snapshots(this.#namespace, this.#current);
      for (const { finished, snapshot, files } of all)
        if (finished && looksIncomplete(files) && snapshot.time < known.time)
          if (await this.#isCheckpoint(snapshot)) found.push(snapshot);
    } catch {
      // What cannot be read is left alone.
    }
    return [...found, known];
  }

  /** Removes snapshots; false if one of them remains, which is said once. Throws the reason of an interruption. */
  async remove(snapshots: readonly SnapshotName[]): Promise<boolean> {
    if (this.#refused) return false;
    for (const [i, snapshot] of snapshots.entries()) {
      try {
        await this.#repository.forget(this.#namespace, snapshot, { waitSeconds: 0 });
      } catch (error) {
        if (!(error instanceof ServerError)) throw error;
        if (!(await this.#isThere(snapshot))) continue;
        this.#refuse(error, snapshots.slice(i));
        return false;
      }
    }
    return true;
  }

  async #isThere({ time }: SnapshotName): Promise<boolean> {
    try {
      const all = await this.#repository.snapshots(this.#namespace, this.#current);
      return all.some(({ snapshot }) => snapshot.time === time);
    } catch {
      return true;
    }
  }

  async #isCheckpoint(snapshot: SnapshotName): Promise<boolean> {
    const reader = await this.#repository.open(this.#namespace, snapshot, { waitSeconds: 0 });
    try {
      return isCheckpoint(reader.manifest);
    } finally {
      await reader.close();
    }
  }

  #refuse({ message }: ServerError, left: readonly SnapshotName[]): void {
    this.#refused = true;
    const remain = left.length === 0 ? '' : `; what remains: ${left.map(formatSnapshot).join(', ')}`;
    this.#say(`No more checkpoints: the server does not let them be removed (${message})${remain}`);
  }
}

/** The manifest is asked only where the names of all archives say so. */
function looksIncomplete(files: SnapshotInfo['files']): boolean {
  const indexes = files.filter(({ filename }) => /\.[fd]idx$/.test(filename));
  return indexes.length > 0 && indexes.every(({ filename }) => isIncompleteName(filename));
}

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
    const management = this.#repository.management();
    try {
      // Needs the same rights, and does nothing.
      await management.pruneGroup?.(this.#namespace, this.#current, {}, { dryRun: true });
      return true;
    } catch (error) {
      if (!(error instanceof ServerError) || error.status !== 403) return true;
      this.#refuse(error);
      return false;
    }
  }

  /** The checkpoints of the group that are older than `base`, old ones first, as far as the server tells. */
  async olderThan(base: SnapshotName): Promise<SnapshotName[]> {
    const found: SnapshotName[] = [];
    try {
      const all = await this.#repository.snapshots(this.#namespace, this.#current);
      for (const { finished, snapshot, files } of all)
        if (finished && looksIncomplete(files) && snapshot.time < base.time)
          if (await this.#isCheckpoint(snapshot)) found.push(snapshot);
    } catch {
      // What cannot be read is left alone.
    }
    return found;
  }

  /** Removes snapshots while others may follow; what remains, which ends that, and has been said then. Throws the reason of an interruption. */
  async remove(snapshots: readonly SnapshotName[]): Promise<readonly SnapshotName[]> {
    const { left, reason } = await this.#remove(snapshots);
    if (reason !== undefined) this.#refuse(reason);
    return left;
  }

  /** Removes what is there when the backup is complete; what remains is said. Throws the reason of an interruption. */
  async removeAll(snapshots: readonly SnapshotName[]): Promise<void> {
    const { left, reason } = await this.#remove(snapshots);
    if (reason !== undefined)
      this.#say(`Checkpoints remain: ${left.map(formatSnapshot).join(', ')} (${reason.message})`);
  }

  async #remove(
    snapshots: readonly SnapshotName[],
  ): Promise<{ readonly left: SnapshotName[]; readonly reason?: ServerError }> {
    const left: SnapshotName[] = [];
    let reason: ServerError | undefined;
    for (const snapshot of snapshots) {
      try {
        await this.#repository.forget(this.#namespace, snapshot, { waitSeconds: 0 });
      } catch (error) {
        if (!(error instanceof ServerError)) throw error;
        if (!(await this.#isThere(snapshot))) continue;
        left.push(snapshot);
        reason ??= error;
      }
    }
    return reason === undefined ? { left } : { left, reason };
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

  #refuse({ message }: ServerError): void {
    this.#say(`No more checkpoints: the server does not let them be removed (${message})`);
  }
}

/** The manifest is asked only where the names of all archives say so. */
function looksIncomplete(files: SnapshotInfo['files']): boolean {
  const indexes = files.filter(({ filename }) => /\.[fd]idx$/.test(filename));
  return indexes.length > 0 && indexes.every(({ filename }) => isIncompleteName(filename));
}

/** Management of a datastore directory. snapshot-manifest.md §2–5. */
import { statfs } from 'node:fs/promises';
import type { GroupName, Namespace, SnapshotName } from '../../snapshot/names.js';
import { RepositoryError } from '../errors.js';
import type {
  DeletionSummary,
  Management,
  NamespaceInfo,
  StorageStatus,
  TaskId,
  Tasks,
} from '../management.js';
import type { FileInfo, LockWait } from '../repository.js';
import { describeSnapshot, snapshotText } from './catalogue.js';
import { snapshotDirectory } from './layout.js';
import { changeOwner, groupNotes, setGroupNotes } from './management-group.js';
import {
  createNamespace,
  deleteNamespace,
  type EmptiedNamespace,
  emptyNamespace,
  listNamespaces,
} from './management-namespaces.js';
import { isProtected, notes, setNotes, setProtected, uploadLog } from './management-snapshot.js';
import { exists, forgetGroup, forgetUnprotected } from './removal.js';
import type { Store } from './store.js';

export interface LocalManagementOptions {
  /** What is changed is on disk before a call ends. */
  readonly sync: boolean;
}

function unsupported(what: string): Promise<never> {
  const message = `${what} comes with a later version for datastore directories; name a server with --repository`;
  return Promise.reject(new RepositoryError('REPOSITORY_UNSUPPORTED', message));
}

function withoutServer(what: string): Promise<never> {
  const message = `a datastore directory has no ${what}; name a server with --repository`;
  return Promise.reject(new RepositoryError('REPOSITORY_UNSUPPORTED', message));
}

/** Nothing runs in the background of a directory. */
const NO_TASKS: Tasks = {
  list: () => withoutServer('tasks'),
  log: () => withoutServer('tasks'),
  result: () => withoutServer('tasks'),
  stop: () => withoutServer('tasks'),
};

export class LocalManagement implements Management {
  readonly tasks = NO_TASKS;
  /** Nobody decides for a directory. */
  readonly pruneGroup = undefined;
  readonly #store: Store;
  readonly #options: LocalManagementOptions;

  constructor(store: Store, options: LocalManagementOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Of the file system; `available` is what others than root may use. */
  async status(): Promise<StorageStatus> {
    const { bsize, blocks, bfree, bavail } = await statfs(this.#store.root);
    const used = (blocks - bfree) * bsize;
    return { total: blocks * bsize, used, available: bavail * bsize, backend: 'filesystem' };
  }

  serverVersion(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  serverIdentity(): Promise<never> {
    return withoutServer('server identity');
  }

  async files(namespace: Namespace, snapshot: SnapshotName): Promise<FileInfo[]> {
    const { root } = this.#store;
    if (!(await exists(snapshotDirectory(root, namespace, snapshot)))) {
      const text = snapshotText(namespace, snapshot);
      throw new RepositoryError('SNAPSHOT_MISSING', `there is no snapshot ${text}`);
    }
    return [...(await describeSnapshot(root, namespace, snapshot, undefined)).files];
  }

  notes(namespace: Namespace, snapshot: SnapshotName): Promise<string> {
    return notes(this.#store, namespace, snapshot);
  }

  setNotes(namespace: Namespace, snapshot: SnapshotName, text: string, wait: LockWait): Promise<void> {
    return setNotes(this.#store, namespace, snapshot, text, { ...wait, ...this.#options });
  }

  isProtected(namespace: Namespace, snapshot: SnapshotName): Promise<boolean> {
    return isProtected(this.#store, namespace, snapshot);
  }

  setProtected(namespace: Namespace, snapshot: SnapshotName, on: boolean, wait: LockWait): Promise<void> {
    return setProtected(this.#store, namespace, snapshot, on, { ...wait, ...this.#options });
  }

  uploadLog(namespace: Namespace, snapshot: SnapshotName, blob: Buffer, wait: LockWait): Promise<void> {
    return uploadLog(this.#store, namespace, snapshot, blob, { ...wait, ...this.#options });
  }

  groupNotes(namespace: Namespace, group: GroupName): Promise<string> {
    return groupNotes(this.#store, namespace, group);
  }

  setGroupNotes(namespace: Namespace, group: GroupName, text: string, wait: LockWait): Promise<void> {
    return setGroupNotes(this.#store, namespace, group, text, { ...wait, ...this.#options });
  }

  changeOwner(namespace: Namespace, group: GroupName, owner: string, wait: LockWait): Promise<void> {
    return changeOwner(this.#store, namespace, group, owner, { ...wait, ...this.#options });
  }

  forgetGroup(namespace: Namespace, group: GroupName, wait: LockWait): Promise<DeletionSummary> {
    return forgetGroup(this.#store, namespace, group, wait);
  }

  /** The same, but what is protected is no error. */
  forgetUnprotected(namespace: Namespace, group: GroupName, wait: LockWait): Promise<DeletionSummary> {
    return forgetUnprotected(this.#store, namespace, group, wait);
  }

  moveGroup(): Promise<TaskId> {
    return unsupported('moving groups');
  }

  namespaces(parent: Namespace, maxDepth?: number): Promise<NamespaceInfo[]> {
    return listNamespaces(this.#store, parent, maxDepth);
  }

  createNamespace(namespace: Namespace): Promise<void> {
    return createNamespace(this.#store, namespace, this.#options);
  }

  deleteNamespace(
    namespace: Namespace,
    options: LockWait & { readonly groups: boolean },
  ): Promise<DeletionSummary> {
    return deleteNamespace(this.#store, namespace, options);
  }

  /** The same, but what stays is no error. */
  emptyNamespace(
    namespace: Namespace,
    options: LockWait & { readonly groups: boolean },
  ): Promise<EmptiedNamespace> {
    return emptyNamespace(this.#store, namespace, options);
  }

  moveNamespace(): Promise<TaskId> {
    return unsupported('moving namespaces');
  }

  collectGarbage(): Promise<TaskId> {
    return unsupported('garbage collection');
  }

  verify(): Promise<TaskId> {
    return unsupported('verification');
  }
}

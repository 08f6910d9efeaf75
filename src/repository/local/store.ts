/** Opening and creating datastore directories. snapshot-manifest.md §2, §6–7. */
import { access, chown, constants, mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RepositoryError, systemCode } from '../errors.js';
import { CHUNK_DIRECTORIES, CHUNKS, chunkDirectory, OWN, STORE_LOCK } from './layout.js';
import { LockDirectory, StoreLock } from './locks.js';
import { serverNameOf } from './server-configuration.js';

/** A datastore directory that has been looked at. */
export interface Store {
  readonly root: string;
  /** Owner of the store's root, and so of everything new in it. */
  readonly uid: number;
  readonly gid: number;
  readonly readOnly: boolean;
  readonly locks: LockDirectory;
  readonly storeLock: StoreLock;
}

const SERVER_LOCKS = '/run/proxmox-backup/locks';

async function isReadOnly(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return false;
  } catch (error) {
    return systemCode(error) === 'EROFS';
  }
}

/** The place for locks: the server's own where a server on this machine has the store, else inside the store. */
async function lockPlace(root: string, readOnly: boolean): Promise<string> {
  const server = await serverNameOf(root);
  if (server === undefined) return join(root, OWN, 'locks');
  const place = join(SERVER_LOCKS, server);
  if (!readOnly) {
    try {
      await mkdir(place, { recursive: true });
      await access(place, constants.W_OK);
    } catch (cause) {
      const message = `${root} is the datastore '${server}' of the server on this machine, whose locks in ${place} cannot be used`;
      throw new RepositoryError('REPOSITORY_REFUSED', message, { cause });
    }
  }
  if ((await readdir(join(root, CHUNKS))).length < CHUNK_DIRECTORIES) {
    throw new RepositoryError(
      'REPOSITORY_REFUSED',
      `${root} belongs to the server on this machine, but ${CHUNKS} lacks directories`,
    );
  }
  return place;
}

/** Opens an existing datastore directory. REPOSITORY_MISSING, REPOSITORY_REFUSED. */
export async function openStore(root: string): Promise<Store> {
  const info = await stat(root).catch(() => undefined);
  const chunks = await stat(join(root, CHUNKS)).catch(() => undefined);
  if (info?.isDirectory() !== true || chunks?.isDirectory() !== true) {
    const message = `${root} is no datastore: there is no directory ${CHUNKS} in it (restat datastore create makes one)`;
    throw new RepositoryError('REPOSITORY_MISSING', message);
  }
  const readOnly = await isReadOnly(root);
  return {
    root,
    uid: info.uid,
    gid: info.gid,
    readOnly,
    locks: new LockDirectory(await lockPlace(root, readOnly), info),
    storeLock: new StoreLock(join(root, STORE_LOCK), info),
  };
}

export interface CreateOptions {
  /** Make all 65,536 chunk directories, as a server expects them; also in an existing store. */
  readonly forServer: boolean;
}

/** Directories made at one time. */
const DIRECTORIES_AT_ONCE = 64;

async function makeDirectory(path: string, mode: number, owner: { uid: number; gid: number }): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    throw error;
  }
  if (owner.uid !== process.geteuid?.() || owner.gid !== process.getegid?.())
    await chown(path, owner.uid, owner.gid);
}

async function makeChunkDirectories(root: string, owner: { uid: number; gid: number }): Promise<void> {
  for (let i = 0; i < CHUNK_DIRECTORIES; i += DIRECTORIES_AT_ONCE) {
    const numbers = Array.from({ length: DIRECTORIES_AT_ONCE }, (_, k) => i + k);
    await Promise.all(numbers.map((n) => makeDirectory(chunkDirectory(root, n), 0o750, owner)));
  }
}

/** Makes a datastore of a directory that is missing or empty. With `forServer` an existing store is completed. */
export async function createStore(root: string, { forServer }: CreateOptions): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const present = await readdir(root);
  const isStore = present.includes(CHUNKS);
  if (isStore && !forServer)
    throw new RepositoryError('REPOSITORY_REFUSED', `${root} is a datastore already`);
  if (!isStore && present.some((name) => name !== 'lost+found')) {
    throw new RepositoryError('REPOSITORY_REFUSED', `${root} is neither empty nor a datastore`);
  }
  const { uid, gid } = await stat(root);
  await makeDirectory(join(root, CHUNKS), 0o750, { uid, gid });
  await (await open(join(root, STORE_LOCK), 'a', 0o644)).close();
  if (forServer) await makeChunkDirectories(root, { uid, gid });
}

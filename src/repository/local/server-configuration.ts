/** Finds out whether a Proxmox Backup Server on this machine owns a directory (its `datastore.cfg`). */
import { readFile, stat } from 'node:fs/promises';
import { RepositoryError, systemCode } from '../errors.js';

const CONFIGURATION = '/etc/proxmox-backup/datastore.cfg';

export interface ServerStore {
  readonly name: string;
  readonly path: string;
}

/** Sections `datastore: NAME` with an indented `path DIR`. */
export function parseServerConfiguration(text: string): ServerStore[] {
  const stores: ServerStore[] = [];
  let name: string | undefined;
  for (const line of text.split('\n')) {
    const section = /^([a-z0-9-]+):\s*(\S+)\s*$/.exec(line);
    if (section !== null) name = section[1] === 'datastore' ? section[2] : undefined;
    const path = /^\s+path\s+(.+?)\s*$/.exec(line);
    if (path !== null && name !== undefined) stores.push({ name, path: path[1]! });
  }
  return stores;
}

/** REPOSITORY_REFUSED for a configuration that is there and cannot be read: whose locks count is then unknown. */
async function readConfiguration(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ENOTDIR') return undefined;
    const message = `${path} cannot be read, so whether a server has this datastore is unknown`;
    throw new RepositoryError('REPOSITORY_REFUSED', message, { cause });
  }
}

/** The name under which the local server knows the directory, or undefined. */
export async function serverNameOf(
  directory: string,
  configuration = CONFIGURATION,
): Promise<string | undefined> {
  const text = await readConfiguration(configuration);
  if (text === undefined) return undefined;
  const own = await stat(directory);
  for (const { name, path } of parseServerConfiguration(text)) {
    const other = await stat(path).catch(() => undefined);
    if (other !== undefined && other.ino === own.ino && other.dev === own.dev) return name;
  }
  return undefined;
}

/** How archives are called by users and in a snapshot. snapshot-manifest.md §2.1, change-detection.md §11.1. */
import { NameError } from './errors.js';
import { isSafeId } from './names.js';

declare const brand: unique symbol;
/** A file of a snapshot: a safe id that ends in `.didx`, `.fidx` or `.blob`. */
export type ServerName = string & { readonly [brand]: 'ServerName' };
/** What a user calls an archive to be made: `root.pxar`, `disk.img`, `fstab.conf`, `boot.log`. */
export type ArchiveName = string & { readonly [brand]: 'ArchiveName' };

/** The files of one archive: one, or a pair of metadata and payload. */
export type ArchiveFiles =
  | { readonly kind: 'single'; readonly name: ServerName }
  | { readonly kind: 'split'; readonly metadata: ServerName; readonly payload: ServerName };

const SERVER_NAME = /\.(didx|fidx|blob)$/;
const ARCHIVE_NAME = /^[a-zA-Z0-9_-]+\.(pxar|img|conf|log)$/;
/** What is appended to a name that ends like this. §2.1. */
const STORED_AS: readonly (readonly [end: RegExp, suffix: string])[] = [
  [SERVER_NAME, ''],
  [/\.(pxar|mpxar|ppxar|pcat1)$/, '.didx'],
  [/\.img$/, '.fidx'],
  [/\.(conf|json|key|log)$/, '.blob'],
];

export const MANIFEST_NAME: ServerName = parseServerName('index.json.blob');
export const CATALOG_NAME: ServerName = parseServerName('catalog.pcat1.didx');
export const CLIENT_LOG_NAME: ServerName = parseServerName('client.log.blob');
export const ENCRYPTED_KEY_NAME: ServerName = parseServerName('rsa-encrypted.key.blob');

function isServerName(text: string): text is ServerName {
  return isSafeId(text) && SERVER_NAME.test(text);
}

function isArchiveName(text: string): text is ArchiveName {
  return ARCHIVE_NAME.test(text) && isSafeId(text);
}

/** The name of a file in a snapshot. Throws NameError `NAME_ARCHIVE`. */
export function parseServerName(text: string): ServerName {
  if (isServerName(text)) return text;
  throw new NameError('NAME_ARCHIVE', text, 'files of a snapshot end in .didx, .fidx or .blob');
}

/** The name of an archive to be made. Throws NameError `NAME_ARCHIVE`. */
export function parseArchiveName(text: string): ArchiveName {
  if (isArchiveName(text)) return text;
  throw new NameError('NAME_ARCHIVE', text, 'archives are called NAME.pxar, NAME.img, NAME.conf or NAME.log');
}

/** What a file is called in a snapshot: `.didx`, `.fidx` or `.blob` is appended unless it is there. Throws NameError `NAME_ARCHIVE`. */
export function serverName(text: string): ServerName {
  const found = STORED_AS.find(([end]) => end.test(text));
  if (found === undefined) throw new NameError('NAME_ARCHIVE', text, 'unknown kind of archive');
  return parseServerName(text + found[1]);
}

/** The pair that `NAME.pxar` (or `NAME.pxar.didx`) is stored as in the split layout. Throws NameError `NAME_ARCHIVE`. */
export function splitNames(name: string): { readonly metadata: ServerName; readonly payload: ServerName } {
  const stem = /^(.*)\.pxar(\.didx)?$/.exec(name)?.[1];
  if (stem === undefined) throw new NameError('NAME_ARCHIVE', name, 'only .pxar archives can be split');
  return { metadata: parseServerName(`${stem}.mpxar.didx`), payload: parseServerName(`${stem}.ppxar.didx`) };
}

/**
 * Finds the files of an archive that a user named, in a manifest: `root.pxar` is a single archive or a pair, `root.mpxar`,
 * `root.ppxar` and all server names work too. Throws NameError `NAME_ARCHIVE` or `NAME_ARCHIVE_UNKNOWN`.
 */
export function resolveArchive(
  manifest: { readonly files: readonly { readonly filename: ServerName }[] },
  text: string,
): ArchiveFiles {
  const name = serverName(text);
  const has = (wanted: ServerName): boolean => manifest.files.some(({ filename }) => filename === wanted);
  const half = /^(.*)\.([mp])pxar\.didx$/.exec(name);
  if (half === null && has(name)) return { kind: 'single', name };
  const stem = half?.[1] ?? /^(.*)\.pxar\.didx$/.exec(name)?.[1];
  if (stem !== undefined) {
    const pair = splitNames(`${stem}.pxar`);
    if (has(pair.metadata) && has(pair.payload)) return { kind: 'split', ...pair };
  }
  throw new NameError('NAME_ARCHIVE_UNKNOWN', text, 'the snapshot has no such archive');
}

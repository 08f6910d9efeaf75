/** Looks at all sources before anything is begun (cli.md §2.1). */
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { native } from '../native.js';
import type { NativeImage } from '../native-image.js';
import { MAX_BLOB_CONTENT } from '../snapshot/blob.js';
import { MAX_ENTRIES } from '../snapshot/dynamic-index.js';
import { FIXED_CHUNK_SIZE } from '../snapshot/fixed-index.js';
import { BackupError } from './errors.js';
import { isStandardInput, type Source, sourceKind } from './sources.js';

/** What there is to know of sources before they are read. */
export interface CheckedSources {
  /** Some can be read only once: FIFOs, and standard input where it is none of a file. */
  readonly onceOnly: boolean;
}

const STDIN = 0;
/** Longest image in bytes: its index can be read again. A sparse file costs nothing to be longer. */
const MAX_IMAGE = MAX_ENTRIES * FIXED_CHUNK_SIZE;

function unreadable(path: string, cause: unknown): BackupError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BackupError('BACKUP_UNREADABLE', `unable to access '${path}' - ${reason}`, { cause });
}

function unexpectedType(path: string, expected: string): BackupError {
  return new BackupError('BACKUP_UNREADABLE', `got unexpected file type (expected ${expected}): '${path}'`);
}

function isKindError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'IMAGE_KIND';
}

/** Why an image of this size cannot be stored. */
function refusalOf(path: string, { kind, size }: NativeImage): BackupError | undefined {
  if (kind !== 'stream' && size === 0)
    return new BackupError('BACKUP_UNREADABLE', `'${path}' is empty: an image has at least one byte`);
  if (size > MAX_IMAGE)
    return new BackupError('BACKUP_TOO_LARGE', `'${path}' has ${size} bytes, an image at most ${MAX_IMAGE}`);
  return undefined;
}

/** Opens the source of an image that is not made by a command. Throws BackupError `BACKUP_UNREADABLE`, `BACKUP_TOO_LARGE`. */
export async function openImageSource(source: Source): Promise<NativeImage> {
  const { path } = source;
  let image: NativeImage;
  try {
    image = await native.openImage(isStandardInput(source) ? STDIN : path);
  } catch (cause) {
    throw isKindError(cause) ? unexpectedType(path, 'file, block device, or fifo') : unreadable(path, cause);
  }
  const refusal = refusalOf(path, image);
  if (refusal === undefined) return image;
  native.closeImage(image.file);
  throw refusal;
}

/**
 * Size and kind of an image that is not made by a command, without reading it. A FIFO is not opened: whoever writes to it would begin,
 * and lose its reader. Throws as `openImageSource`.
 */
export async function lookAtImage(source: Source): Promise<Pick<NativeImage, 'kind' | 'size'>> {
  if (!isStandardInput(source)) {
    const info = await stat(source.path).catch((cause: unknown) => {
      throw unreadable(source.path, cause);
    });
    if (info.isFIFO()) return { kind: 'stream', size: 0 };
  }
  const { kind, size, file } = await openImageSource(source);
  native.closeImage(file);
  return { kind, size };
}

async function isOnceOnly(source: Source): Promise<boolean> {
  return source.command === undefined && (await lookAtImage(source)).kind === 'stream';
}

function checkBlob(path: string, info: BigIntStats): void {
  if (!info.isFile()) throw unexpectedType(path, 'regular file');
  if (info.size > BigInt(MAX_BLOB_CONTENT))
    throw new BackupError(
      'BACKUP_TOO_LARGE',
      `'${path}' has ${info.size} bytes: a .conf or .log archive holds at most ${MAX_BLOB_CONTENT}, and 16 MiB compressed`,
    );
}

/** Two archives out of one FIFO would each get a part of what comes. */
function refuseTwice(fifos: Set<string>, path: string, { dev, ino }: BigIntStats): void {
  const identity = `${dev}:${ino}`;
  if (fifos.has(identity)) throw new BackupError('BACKUP_SOURCE', `'${path}' stands for two archives`);
  fifos.add(identity);
}

/**
 * Sees that every source is what its archive is made of, before anything is begun. Throws BackupError `BACKUP_UNREADABLE`,
 * `BACKUP_TOO_LARGE`, `BACKUP_SOURCE`.
 */
export async function checkSources(sources: readonly Source[]): Promise<CheckedSources> {
  const fifos = new Set<string>();
  let onceOnly = false;
  for (const source of sources) {
    const kind = sourceKind(source);
    if (kind === 'image' && (await isOnceOnly(source))) onceOnly = true;
    if (isStandardInput(source)) continue;
    const { path } = source;
    const info = await stat(path, { bigint: true }).catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
    if (info.isFIFO()) refuseTwice(fifos, path, info);
    if (kind === 'directory' && !info.isDirectory()) throw unexpectedType(path, 'directory');
    if (kind === 'config file' || kind === 'log file') checkBlob(path, info);
  }
  return { onceOnly };
}

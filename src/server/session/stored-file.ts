/** Opens files of a snapshot for download, with a server's words for those that are missing. protocol.md §5.6, §6. */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../repository/errors.js';
import { CallError } from '../http/call-error.js';

const KINDS: readonly (readonly [end: string, kind: 'dynamic' | 'fixed' | 'blob'])[] = [
  ['.didx', 'dynamic'],
  ['.fidx', 'fixed'],
  ['.blob', 'blob'],
];

/** What a file is by its name. Throws CallError 400. */
export function kindOf(name: string): 'dynamic' | 'fixed' | 'blob' {
  const found = KINDS.find(([end]) => name.endsWith(end));
  if (found !== undefined) return found[1];
  throw new CallError(400, `unknown archive type: ${JSON.stringify(name)}`);
}

function missing(path: string, kind: 'dynamic' | 'fixed' | 'blob'): CallError {
  const shown = JSON.stringify(path);
  if (kind === 'blob') return new CallError(404, `open file ${shown} failed - not found`);
  return new CallError(400, `Unable to open ${kind} index ${shown} - No such file or directory (os error 2)`);
}

/** `name` is a safe id. Throws CallError 400, 404 and system errors. */
export async function openStoredFile(directory: string, name: string): Promise<FileHandle> {
  const kind = kindOf(name);
  const path = join(directory, name);
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw systemCode(error) === 'ENOENT' ? missing(path, kind) : error;
  }
}

/** Runs `use` with an open file, which is closed if that fails. */
export async function closedOnFailure(file: FileHandle, use: () => Promise<void>): Promise<FileHandle> {
  try {
    await use();
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

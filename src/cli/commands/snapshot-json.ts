/** Snapshots in the reference client's JSON, with its field names. */
import type { FileInfo, GroupInfo, SnapshotInfo } from '../../repository/repository.js';
import type { Json } from '../output/json.js';

/** A file's name without the server's ending: `root.pxar` for `root.pxar.didx`. */
function shortName(filename: string): string {
  return filename.replace(/\.(?:[fd]idx|blob)$/, '');
}

/** Short names as tables show them: sorted, separated by blanks. */
export function shortNames(files: readonly FileInfo[]): string {
  return files
    .map(({ filename }) => shortName(filename))
    .sort()
    .join(' ');
}

export function filesJson(files: readonly FileInfo[]): Json {
  return files.map(({ filename, size, cryptMode, padding }) => ({
    filename,
    size,
    'crypt-mode': cryptMode,
    padding,
  }));
}

export function snapshotJson(info: SnapshotInfo): Json {
  return {
    'backup-type': info.snapshot.type,
    'backup-id': info.snapshot.id,
    'backup-time': info.snapshot.time,
    comment: info.comment,
    files: filesJson(info.files),
    fingerprint: info.fingerprint,
    owner: info.owner,
    protected: info.protected,
    size: info.size,
    verification: info.verification,
  };
}

export function groupJson({ group, owner, comment, count, last }: GroupInfo): Json {
  return {
    'backup-type': group.type,
    'backup-id': group.id,
    'backup-count': count,
    'last-backup': last?.snapshot.time ?? 0,
    files: last?.files.map(({ filename }) => filename) ?? [],
    owner,
    comment,
  };
}

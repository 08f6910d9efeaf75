/** Snapshots in the reference client's JSON, with its field names. */
import type { SnapshotInfo } from '../../repository/repository.js';
import type { Json } from '../output/json.js';

/** A file's name without the server's ending: `root.pxar` for `root.pxar.didx`. */
export function shortName(filename: string): string {
  return filename.replace(/\.(?:[fd]idx|blob)$/, '');
}

export function filesJson({ files }: SnapshotInfo): Json {
  return files.map(({ filename, size, cryptMode }) => ({ filename, size, 'crypt-mode': cryptMode }));
}

export function snapshotJson(info: SnapshotInfo): Json {
  return {
    'backup-type': info.snapshot.type,
    'backup-id': info.snapshot.id,
    'backup-time': info.snapshot.time,
    comment: info.comment,
    files: filesJson(info),
    fingerprint: info.fingerprint,
    owner: info.owner,
    protected: info.protected,
    size: info.size,
    verification: info.verification,
  };
}

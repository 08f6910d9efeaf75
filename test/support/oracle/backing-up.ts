/** One backup of the oracle: at a time of its own, in one of the two modes and layouts. */

import { tmpdir } from 'node:os';
import { runBackup } from '../../../src/backup/backup.js';
import type { Layout } from '../../../src/backup/detection.js';
import { parseSources } from '../../../src/backup/sources.js';
import { Reason } from '../../../src/detect/reasons.js';
import type { Repository } from '../../../src/repository/repository.js';
import { Seal } from '../../../src/repository/seal.js';
import { backupTime, parseBackupId, parseBackupType, parseNamespace } from '../../../src/snapshot/names.js';

/** A snapshot of the wrong content, or too little reused. */
export class OracleError extends Error {
  override name = 'OracleError';
}

export interface OracleBackup {
  readonly repository: Repository;
  readonly source: string;
  readonly layout: Layout;
  /** Of group host/`id`. */
  readonly id: string;
  readonly mode: 'data' | 'metadata';
  /** Seconds since the epoch. */
  readonly time: number;
}

/** Makes a snapshot; returns the paths (latin1) of files that were reused. Throws OracleError on any warning. */
export async function backUp(backup: OracleBackup): Promise<string[]> {
  const { repository, source, layout, id, mode, time } = backup;
  const reused: string[] = [];
  const sources = parseSources([`root.pxar:${source}`]);
  await runBackup({
    repository,
    namespace: parseNamespace(''),
    group: { type: parseBackupType('host'), id: parseBackupId(id) },
    time: backupTime(time),
    sources,
    walk: {
      excludes: [],
      markers: [],
      largestFile: Number.POSITIVE_INFINITY,
      allFileSystems: false,
      includedDevices: new Set(),
      entriesMax: 1_000_000,
    },
    averageSize: 64 * 1024,
    skipE2bigXattr: false,
    layout,
    dryRun: false,
    owner: 'root@pam',
    seal: Seal.none,
    lockWaitSeconds: 0,
    temporaryDirectory: tmpdir(),
    clock: () => ({ seconds: time, nanoseconds: 0 }),
    signal: new AbortController().signal,
    detection: {
      archives: new Set(mode === 'metadata' ? sources.map(({ archive }) => archive) : []),
      budget: { all: 0.3, dead: 0.1 },
      fullEvery: undefined,
    },
    onFile: (path, reason) => {
      if (reason === Reason.reused) reused.push(path.toString('latin1'));
    },
    onMessage: () => undefined,
    onStart: () => undefined,
    onArchive: () => undefined,
    onWarning: ({ path, message }) => {
      throw new OracleError(`warning: ${path.toString()}: ${message}`);
    },
    onProgress: () => undefined,
  });
  return reused;
}

/**
 * Checkpoints: what an unfinished first backup of a group has stored so far, as a snapshot of its own. Only its chunks matter, which the
 * next session can refer to; its archives are called `NAME-incomplete.…`, and its manifest says what it is.
 */
import * as z from 'zod';
import { parseServerName, type ServerName } from './archive-names.js';
import type { Manifest } from './manifest.js';

const NAME = /^(.*?)(\.[a-z0-9]+\.(?:didx|fidx))$/;
const noted = z.object({ checkpoint: z.literal(true) });

/**
 * What the archive is called in a checkpoint. An image becomes a dynamic index, too: a fixed one has to be complete. Throws NameError
 * `NAME_ARCHIVE` for what is no index.
 */
export function incompleteName(name: ServerName): ServerName {
  return parseServerName(name.replace(NAME, '$1-incomplete$2').replace(/\.fidx$/, '.didx'));
}

/** True for names that `incompleteName` gives; a user may have called an archive so, too. */
export function isIncompleteName(name: string): boolean {
  return /-incomplete\.[a-z0-9]+\.(?:didx|fidx)$/.test(name);
}

/** The `unprotected` part of a checkpoint's manifest. */
export function checkpointNotes(): Manifest['unprotected'] {
  return {
    notes: 'Incomplete: what an unfinished backup has stored so far. It goes when the backup is complete.',
    restat: { checkpoint: true },
  };
}

/** True if the snapshot is a checkpoint: its notes, which no signature covers, say so, and so do the names of all its files. */
export function isCheckpoint({ files, unprotected }: Manifest): boolean {
  return (
    noted.safeParse(unprotected['restat']).success &&
    files.every(({ filename }) => isIncompleteName(filename))
  );
}

/** The previous snapshot's part of an archive: what every form of it offers, and the metadata stream of a split archive. CD §3. */
import { native } from '../native.js';
import type { BackupSession, SnapshotReader } from '../repository/repository.js';
import type { Seal } from '../repository/seal.js';
import { splitNames } from '../snapshot/archive-names.js';
import type { DynamicIndex } from '../snapshot/dynamic-index.js';
import type { Manifest } from '../snapshot/manifest.js';
import type { Instant } from '../snapshot/run-notes.js';
import { Lockstep } from './lockstep.js';
import { PayloadMap } from './payload-map.js';
import type { ReferenceWalk, WalkEvents } from './reference-walk.js';
import { Spool } from './spool.js';

/** An open reference. */
export interface Reference {
  /** Name of the archive that it is for, in messages. */
  readonly name: string;
  /** Index of the stream with the old contents. */
  readonly payload: DynamicIndex;
  readonly map: PayloadMap;
  /** For each entry of the payload index 1 if its chunk is in the datastore. */
  readonly present: Uint8Array;
  /** When the run that made it began. */
  readonly start: Instant;
  /** Payload offsets of files that changed while that run read them. */
  readonly untrusted: ReadonlySet<number>;
  /** Begins to follow the live tree. */
  follow(events: WalkEvents): ReferenceWalk;
  close(): Promise<void>;
}

/** Why an archive has no reference, as a line for people. */
export interface NoReference {
  readonly message: string;
}

const MAX_CHUNK = 16 * 1024 * 1024;

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The indexes of the pair, or why they cannot serve. */
async function openIndexes(
  snapshot: SnapshotReader,
  seal: Seal,
  archive: string,
): Promise<{ metadata: DynamicIndex; payload: DynamicIndex } | NoReference> {
  const names = splitNames(archive);
  const entry = (name: string) => snapshot.manifest.files.find(({ filename }) => filename === name);
  const metadataEntry = entry(names.metadata);
  if (metadataEntry === undefined) {
    return {
      message: `Previous manifest does not contain an archive called '${names.metadata}', continue without reference`,
    };
  }
  const payloadEntry = entry(names.payload);
  if (payloadEntry === undefined)
    return { message: 'No previous payload index found in manifest, continue without reference' };
  if (!seal.shares(payloadEntry.cryptMode) || !seal.shares(metadataEntry.cryptMode))
    return { message: 'Crypt mode mismatch, continue without reference' };
  try {
    return { metadata: await snapshot.index(names.metadata), payload: await snapshot.index(names.payload) };
  } catch (error) {
    return { message: `No previous metadata index, continue without reference: ${messageOf(error)}` };
  }
}

/** For each entry 1 if its chunk can be injected: it is there, and not longer than chunks may be. Throws what asking the session throws. */
export async function presentChunks(payload: DynamicIndex, session: BackupSession): Promise<Uint8Array> {
  const present = await session.present(payload);
  for (let i = 0; i < payload.count; i += 1)
    if (payload.end(i) - payload.start(i) > MAX_CHUNK) present[i] = 0;
  return present;
}

/** What the run that made an archive noted of it; `payload` is the index of its contents. */
export function trustOf(
  manifest: Manifest,
  payload: DynamicIndex,
  seal: Seal,
  archive: string,
): Pick<Reference, 'start' | 'untrusted'> {
  const { start, untrusted } = seal.notes(manifest);
  return {
    start: start ?? { seconds: seal.startWithoutNotes(manifest, payload.ctime), nanoseconds: 0 },
    untrusted: new Set(untrusted[archive] ?? []),
  };
}

/**
 * Opens the metadata stream of an archive (`NAME.pxar`) in the previous snapshot of a session. Everything that is wrong with it is a
 * reason, not an error. Spools the whole stream: `directory` is where the temporary file lies.
 */
export async function openReference(
  snapshot: SnapshotReader,
  session: BackupSession,
  archive: string,
  directory: string,
): Promise<Reference | NoReference> {
  const indexes = await openIndexes(snapshot, session.seal, archive);
  if ('message' in indexes) return indexes;
  const { metadata, payload } = indexes;
  let opened: Spool | undefined;
  try {
    // Each chunk is read once.
    const spool = new Spool(snapshot.open(metadata, 0), metadata, directory);
    opened = spool;
    const present = await presentChunks(payload, session);
    await spool.complete();
    const readable = spool.holes[0]?.start ?? spool.size;
    const files = await native.referenceFileRanges(spool.fd, readable);
    const name = splitNames(archive).metadata;
    return {
      name,
      payload,
      map: new PayloadMap(payload, files),
      present,
      ...trustOf(snapshot.manifest, payload, session.seal, archive),
      follow: (events) => new Lockstep(spool, name, events),
      close: () => spool.close(),
    };
  } catch (error) {
    await opened?.close();
    return {
      message: `Previous metadata archive cannot be read, continue without reference: ${messageOf(error)}`,
    };
  }
}

/** The previous snapshot's catalog as the reference of single archives: fetched once, spooled, opened. CD §3, docs/formats.md. */
import { CatalogReader } from '../catalog/reader.js';
import type { BackupSession, SnapshotReader } from '../repository/repository.js';
import type { Seal } from '../repository/seal.js';
import { CATALOG_NAME, serverName } from '../snapshot/archive-names.js';
import { catalogRanges } from './catalog-ranges.js';
import { type CatalogArchive, CatalogWalk } from './catalog-walk.js';
import { PayloadMap } from './payload-map.js';
import { messageOf, type NoReference, presentChunks, type Reference, trustOf } from './reference.js';
import { Spool } from './spool.js';

/** The version that knows change times and positions. */
const EXTENDED = 2;

function refusal(why: string): NoReference {
  return { message: `${why}, continue without reference` };
}

export class PreviousCatalog {
  readonly #snapshot: SnapshotReader;
  readonly #spool: Spool;
  readonly #reader: CatalogReader;

  private constructor(snapshot: SnapshotReader, spool: Spool, reader: CatalogReader) {
    this.#snapshot = snapshot;
    this.#spool = spool;
    this.#reader = reader;
  }

  /**
   * Fetches the catalog of a snapshot; `directory` is where the temporary file lies. Everything that is wrong with it is a reason, not an
   * error.
   */
  static async open(
    snapshot: SnapshotReader,
    seal: Seal,
    directory: string,
  ): Promise<PreviousCatalog | NoReference> {
    const entry = snapshot.manifest.files.find(({ filename }) => filename === CATALOG_NAME);
    if (entry === undefined) return refusal('No previous catalog found in manifest');
    if (!seal.shares(entry.cryptMode)) return refusal('Crypt mode mismatch');
    let spool: Spool | undefined;
    try {
      const index = await snapshot.index(CATALOG_NAME);
      // Each chunk is read once.
      spool = new Spool(snapshot.open(index, 0), index, directory);
      await spool.complete();
      const reader = await CatalogReader.open(spool.source(), CATALOG_NAME);
      if (reader.version === EXTENDED) return new PreviousCatalog(snapshot, spool, reader);
      await spool.close();
      return refusal('Previous catalog does not say where files are');
    } catch (error) {
      await spool?.close();
      return { message: `Previous catalog cannot be read, continue without reference: ${messageOf(error)}` };
    }
  }

  /** The reference of an archive (`NAME.pxar`), or why it has none. */
  async reference(archive: string, session: BackupSession): Promise<Reference | NoReference> {
    const name = serverName(archive);
    const entry = this.#snapshot.manifest.files.find(({ filename }) => filename === name);
    if (entry === undefined) return refusal(`Previous manifest does not contain an archive called '${name}'`);
    if (!session.seal.shares(entry.cryptMode)) return refusal('Crypt mode mismatch');
    try {
      const found = await this.#reader.find([Buffer.from(name)]);
      if (found?.type !== 'd') return refusal(`Previous catalog does not contain '${name}'`);
      return await this.#open(archive, found, session);
    } catch (error) {
      return { message: `Previous catalog cannot be read, continue without reference: ${messageOf(error)}` };
    }
  }

  /** Ends it, and with it all its references. */
  close(): Promise<void> {
    return this.#spool.close();
  }

  async #open(archive: string, part: CatalogArchive, session: BackupSession): Promise<Reference> {
    const name = serverName(archive);
    const payload = await this.#snapshot.index(name);
    const present = await presentChunks(payload, session);
    return {
      name,
      payload,
      map: new PayloadMap(payload, await catalogRanges(this.#reader, part, payload)),
      present,
      ...trustOf(this.#snapshot.manifest, payload, session.seal, archive),
      follow: (events) => new CatalogWalk(this.#reader, part, events),
      close: () => Promise.resolve(),
    };
  }
}

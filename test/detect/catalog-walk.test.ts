/** The previous catalog as a reference: what of it is used where parts of it are damaged or overlap. docs/formats.md. */
import test from 'ava';
import type { CatalogEntry, FileExtension } from '../../src/catalog/entry.js';
import type { ExtendedCatalogWriter } from '../../src/catalog/extended-writer.js';
import type { CatalogSource } from '../../src/catalog/pages.js';
import { CatalogReader } from '../../src/catalog/reader.js';
import { catalogRanges } from '../../src/detect/catalog-ranges.js';
import { type CatalogArchive, CatalogWalk } from '../../src/detect/catalog-walk.js';
import { bufferSource, extendedOf, NAME, raw } from '../catalog/catalogs.js';
import { indexOf } from '../support/plan-cost.js';

const ARCHIVE = raw('root.pxar.didx');
const INDEX = indexOf([10_000]);

function extension(offset: number): FileExtension {
  return { ctime: 5, ctimeNanoseconds: 0, mtimeNanoseconds: 0, place: 'archive', offset };
}

/** A catalog with directories a, b and c of three files each, of 4 bytes, 100 bytes apart. */
function threeDirectories(more: (writer: ExtendedCatalogWriter) => void = () => {}): Buffer {
  return extendedOf((writer) => {
    writer.startDirectory(ARCHIVE);
    for (const [i, directory] of ['a', 'b', 'c'].entries()) {
      writer.startDirectory(raw(directory));
      for (let file = 0; file < 3; file += 1) {
        writer.file(raw(`${directory}${file}`), 4, 5, extension(100 + 100 * (3 * i + file)));
      }
      writer.endDirectory();
    }
    more(writer);
    writer.endArchive(0);
  });
}

async function opened(source: CatalogSource): Promise<{ reader: CatalogReader; archive: CatalogArchive }> {
  const reader = await CatalogReader.open(source, NAME);
  const archive = (await reader.find([ARCHIVE])) as CatalogEntry & { type: 'd' };
  return { reader, archive };
}

/** The catalog with an entry of no type in place of a file. */
function damaged(bytes: Buffer, name: string): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.indexOf(name, 0, 'latin1') - 2] = 0x78;
  return copy;
}

test('damage costs the ranges of the rest of its directory, and no others', async (t) => {
  const { reader, archive } = await opened(bufferSource(damaged(threeDirectories(), 'b1')));
  const { starts } = await catalogRanges(reader, archive, INDEX);
  t.deepEqual([...starts], [100, 200, 300, 400, 700, 800, 900]);
});

/** Follows a live tree that has these directories and no files: positions of what is gone, and of damage. */
async function follow(
  { reader, archive }: { reader: CatalogReader; archive: CatalogArchive },
  directories: readonly string[],
): Promise<{ gone: number[]; damage: number[] }> {
  const [gone, damage]: [number[], number[]] = [[], []];
  const walk = new CatalogWalk(reader, archive, {
    onGone: (payloads) => gone.push(...payloads),
    onDamage: (_error, position) => damage.push(position),
  });
  await walk.begin();
  for (const name of directories) {
    await walk.enter(raw(name));
    await walk.leave();
  }
  await walk.leave();
  return { gone, damage };
}

/** Names so long that each directory has pages of its own. */
const LONG = 4000;
const PAGE = 64 * 1024;

test('where a chunk is missing the message names the directory that is in it', async (t) => {
  const bytes = extendedOf((writer) => {
    writer.startDirectory(ARCHIVE);
    for (const directory of ['a', 'b', 'c']) {
      writer.startDirectory(raw(directory));
      for (let file = 10; file < 70; file += 1)
        writer.file(raw(`${directory}${file}`.padEnd(LONG, '-')), 4, 5, extension(100));
      writer.endDirectory();
    }
    writer.endArchive(0);
  });
  const missing = bytes.indexOf('b50');
  const size = bytes.length;
  const source: CatalogSource = {
    size,
    read: (offset, length) =>
      offset <= missing && missing < offset + length
        ? Promise.reject(new Error('a chunk is missing'))
        : Promise.resolve(bytes.subarray(offset, offset + length)),
  };
  t.true(size > 6 * PAGE);
  const { damage } = await follow(await opened(source), ['a', 'b', 'c']);
  t.is(damage.length, 1);
  t.true(damage[0]! > bytes.indexOf('a69') && damage[0]! < bytes.indexOf('b10'), String(damage));
});

test('what restat itself put into the archive is not gone', async (t) => {
  const bytes = threeDirectories((writer) => {
    writer.file(raw('.pxarexclude-cli'), 6, 0, { ...extension(2000), ctime: 0 });
  });
  const catalog = await opened(bufferSource(bytes));
  t.deepEqual((await follow(catalog, ['a', 'c'])).gone, [100, 200, 300, 400, 500, 600, 700, 800, 900]);
  const { starts } = await catalogRanges(catalog.reader, catalog.archive, INDEX);
  t.false(starts.includes(2000));
});

/** Catalogs of version 2: docs/formats.md. */
import test from 'ava';
import type { FileExtension } from '../../src/catalog/entry.js';
import { CatalogError } from '../../src/catalog/errors.js';
import { ExtendedCatalogWriter } from '../../src/catalog/extended-writer.js';
import { catalogError, extendedOf, hex, listOf, openBytes, raw, walk } from './catalogs.js';

const ROOT = raw('root.pxar.didx');

const FRESH: FileExtension = {
  ctime: 1_700_000_001,
  ctimeNanoseconds: 999_999_999,
  mtimeNanoseconds: 5,
  place: 'archive',
  offset: 300,
};
const REUSED: FileExtension = { ...FRESH, ctime: -1, place: 'appendix', offset: 2 ** 32 };

const BYTES = hex(`
  ccdf18d3bb7db7e2
  05 01 6c 02 7878
  2f 03
    66 01 61 02 80e2cfaa06 81e2cfaa06 ff93ebdc03 05 ac02
    72 01 62 ac02 8100 8100 ff93ebdc03 05 8080808010
    64 01 73 06
  16 01 61 0e 726f6f742e707861722e64696478 30 80808004
  3e00000000000000`);

function sample(writer: ExtendedCatalogWriter): void {
  writer.startDirectory(ROOT);
  writer.file(raw('a'), 2, 1_700_000_000, FRESH);
  writer.file(raw('b'), 300, -1, REUSED);
  writer.startDirectory(raw('s'));
  writer.other('l', raw('xx'));
  writer.endDirectory();
  writer.endArchive(2 ** 23);
}

test('version 2 is written as the documentation says', (t) => {
  t.is(extendedOf(sample).toString('hex'), BYTES.toString('hex'));
});

test('version 2 is read with all that it says of files and archives', async (t) => {
  const reader = await openBytes(BYTES);
  t.is(reader.version, 2);
  const [archive] = await listOf(reader, reader.root);
  t.like(archive, { type: 'd', name: ROOT, appendixStart: 2 ** 23 });
  const entries = (await walk(BYTES)).map(({ entry }) => entry);
  t.like(entries[1], { type: 'f', size: 2, mtime: 1_700_000_000, extension: FRESH });
  t.like(entries[2], { type: 'f', size: 300, mtime: -1, extension: REUSED });
  t.like(entries[3], { type: 'd', appendixStart: undefined });
});

test('an archive without an appendix has no start of one', async (t) => {
  const bytes = extendedOf((writer) => {
    writer.startDirectory(ROOT);
    writer.endDirectory();
  });
  t.like((await walk(bytes))[0]?.entry, { type: 'd', appendixStart: undefined });
});

test('an archive entry is unknown to version 1', async (t) => {
  const bytes = Buffer.from(BYTES);
  hex('91fd60f9c46758d5').copy(bytes);
  t.is((await catalogError(() => walk(bytes)))?.code, 'CATALOG_TYPE');
});

test('an archive stands nowhere but in the root', async (t) => {
  const bytes = Buffer.from(BYTES);
  const entry = bytes.indexOf(hex('64 01 73 06'));
  bytes.writeUInt8(0x61, entry);
  const error = await catalogError(() => walk(bytes));
  t.is(error?.code, 'CATALOG_TYPE');
  t.is(error?.offset, entry);
});

test('nanoseconds of a second and more are refused', async (t) => {
  const bytes = Buffer.from(BYTES);
  const nanoseconds = bytes.indexOf(hex('ff93ebdc03'));
  hex('8094ebdc03').copy(bytes, nanoseconds);
  t.is((await catalogError(() => walk(bytes)))?.code, 'CATALOG_TIME');
});

/** The code of what the writer throws for a file with this extension. */
function codeOf(extension: FileExtension): string | undefined {
  const writer = new ExtendedCatalogWriter({ onBlock: () => {} });
  writer.startDirectory(ROOT);
  try {
    writer.file(raw('a'), 0, 0, extension);
    return undefined;
  } catch (error) {
    return error instanceof CatalogError ? error.code : String(error);
  }
}

test('what version 2 cannot hold is not written', (t) => {
  t.is(codeOf({ ...FRESH, ctime: 2 ** 53 }), 'CATALOG_RANGE');
  t.is(codeOf({ ...FRESH, offset: -1 }), 'CATALOG_RANGE');
  t.is(codeOf({ ...FRESH, ctimeNanoseconds: 1_000_000_000 }), 'CATALOG_TIME');
  t.is(codeOf({ ...FRESH, mtimeNanoseconds: 0.5 }), 'CATALOG_TIME');
  t.is(codeOf(FRESH), undefined);
});

test('an appendix belongs to an archive', (t) => {
  const writer = new ExtendedCatalogWriter({ onBlock: () => {} });
  t.throws(() => writer.endArchive(1), { code: 'CATALOG_STATE' });
  writer.startDirectory(ROOT);
  writer.startDirectory(raw('sub'));
  t.throws(() => writer.endArchive(1), { code: 'CATALOG_STATE' });
  writer.endDirectory();
  t.throws(() => writer.endArchive(0.5), { code: 'CATALOG_RANGE' });
  writer.endArchive(1);
  t.throws(() => writer.endDirectory(), { code: 'CATALOG_STATE' });
});

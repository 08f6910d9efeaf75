import test from 'ava';
import { Pages } from '../../src/catalog/pages.js';
import { CatalogReader } from '../../src/catalog/reader.js';
import { bufferSource, catalogOf, lineOf, NAME, raw } from './catalogs.js';

const PAGE = 64 * 1024;

test('the pages that were used last are kept, and no more', async (t) => {
  const pages = new Pages(bufferSource(Buffer.alloc(100 * PAGE)), NAME);
  for (let i = 0; i < 64; i++) await pages.load(i * PAGE);
  t.is(pages.get(5)?.start, 0);
  await pages.load(64 * PAGE);
  t.is(pages.get(PAGE), undefined);
  t.is(pages.get(0)?.start, 0);
  t.is(pages.get(65 * PAGE - 1)?.start, 64 * PAGE);
});

test('a page has all of the longest record that begins in it', async (t) => {
  const bytes = Buffer.alloc(3 * PAGE);
  const pages = new Pages(bufferSource(bytes), NAME);
  const longest = 1 + 2 + 4095 + 11 + 11 + 10 + 10 + 10 + 10;
  t.true((await pages.load(PAGE - 1)).bytes.length >= PAGE - 1 + longest);
  t.is((await pages.load(bytes.length - 1)).bytes.length, PAGE);
});

/** A catalog of some 8 MiB: directories of a few files, in directories of many such. */
function large(): Buffer {
  return catalogOf((writer) => {
    writer.startDirectory(raw('root.pxar.didx'));
    for (let i = 0; i < 40; i++) {
      writer.startDirectory(raw(`outer-${i}`));
      for (let j = 0; j < 500; j++) {
        writer.startDirectory(raw(`inner-directory-${j}`));
        for (let k = 0; k < 10; k++) writer.file(raw(`a-file-whose-name-is-not-short-${k}`), k, j);
        writer.endDirectory();
      }
      writer.endDirectory();
    }
    writer.endDirectory();
  });
}

test('a walk reads a catalog about once, and keeps none of it in names', async (t) => {
  const bytes = large();
  const source = bufferSource(bytes);
  const reader = await CatalogReader.open(source, NAME);
  let count = 0;
  let views = 0;
  for await (const { entry } of reader.walk()) {
    count++;
    if (entry.name.buffer === bytes.buffer) views++;
  }
  t.is(count, 1 + 40 * (1 + 500 * 11));
  t.is(views, 0);
  t.true(bytes.length > 64 * PAGE);
  t.true(source.given < 1.2 * bytes.length, `${source.given} of ${bytes.length}`);
});

test('walks and listings at the same time do not disturb each other', async (t) => {
  const reader = await CatalogReader.open(bufferSource(large()), NAME);
  const [one, two] = [reader.walk(), reader.walk()];
  await two.next();
  for (let i = 0; i < 3000; i++) {
    const [a, b] = [(await one.next()).value, (await two.next()).value];
    if (i === 0) t.is(a && lineOf(a), 'd root.pxar.didx');
    if (i === 1) t.is(b && lineOf(b), '  d inner-directory-0');
    if (b?.depth === 2)
      t.is((await reader.find([raw('root.pxar.didx'), raw('outer-0'), b.entry.name]))?.type, 'd');
  }
});

import test from 'ava';
import { CatalogError } from '../../src/catalog/errors.js';
import { MAX_DEPTH } from '../../src/catalog/format.js';
import { CatalogWriter } from '../../src/catalog/writer.js';
import { catalogError, catalogOf, hex, lineOf, NAME, openBytes, raw, walk } from './catalogs.js';

const ROOT = raw('root.pxar.didx');

function ignore(): void {}

test('a catalog of nothing is one empty directory', async (t) => {
  const bytes = catalogOf(ignore);
  t.deepEqual(bytes, hex('91fd60f9c46758d5 0100 0800000000000000'));
  t.deepEqual(await walk(bytes), []);
});

test('an empty directory is a block of two bytes', async (t) => {
  const bytes = catalogOf((writer) => {
    writer.startDirectory(raw('r'));
    writer.endDirectory();
  });
  t.deepEqual(bytes, hex('91fd60f9c46758d5 0100 0501 64 01 72 02 0a00000000000000'));
});

test('names are taken from a range of a buffer', async (t) => {
  const packed = raw('--root.pxar.didx-name-');
  const bytes = catalogOf((writer) => {
    writer.startDirectory(packed, 2, 16);
    writer.file(packed, 7, 8, 17, 21);
    writer.other('s', packed, 17, 18);
    writer.endDirectory();
  });
  t.deepEqual((await walk(bytes)).map(lineOf), ['d root.pxar.didx', ' f name 7 8', ' s n']);
});

test('times and sizes keep all their bits', async (t) => {
  const times = [0, -1, 2 ** 53 - 1, -(2 ** 53 - 1), 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
  const bytes = catalogOf((writer) => {
    writer.startDirectory(ROOT);
    for (const time of times) writer.file(raw('f'), 2 ** 53 - 1, time);
    writer.endDirectory();
  });
  const files = (await walk(bytes)).flatMap(({ entry }) => (entry.type === 'f' ? [entry] : []));
  t.deepEqual(
    files.map(({ mtime }) => mtime),
    times,
  );
  t.true(files.every(({ size }) => size === 2 ** 53 - 1));
});

const CROWD = 200_000;

/** A directory of many entries, in which directories whose distances are long and short stand at the start, amid and at the end. */
function crowd(writer: CatalogWriter): void {
  writer.startDirectory(ROOT);
  for (let i = 0; i < CROWD; i++) {
    const name = raw(`entry-${i}`);
    if (i % 1000 === 0 || i === CROWD - 1) {
      writer.startDirectory(name);
      writer.other('p', raw('in'));
      writer.endDirectory();
    } else writer.file(name, i, -i);
  }
  writer.endDirectory();
}

test('a crowded directory is read back', async (t) => {
  const entries = await walk(catalogOf(crowd));
  const top = entries.filter(({ depth }) => depth === 1);
  t.is(top.length, CROWD);
  const wrong = top.filter(({ entry }, i) => entry.name.toString() !== `entry-${i}`);
  t.deepEqual(wrong, []);
  t.is(entries.filter(({ depth }) => depth === 2).length, CROWD / 1000 + 1);
});

test('blocks are short, and never touched again', (t) => {
  const blocks: { block: Buffer; copy: Buffer }[] = [];
  const writer = new CatalogWriter({ onBlock: (block) => blocks.push({ block, copy: Buffer.from(block) }) });
  crowd(writer);
  writer.finish();
  t.true(blocks.length > 4);
  t.true(blocks.every(({ block }) => block.length > 0 && block.length <= 256 * 1024));
  t.true(blocks.every(({ block, copy }) => block.equals(copy)));
  t.is(
    writer.position,
    blocks.reduce((sum, { block }) => sum + block.length, 0),
  );
});

/** The code of what `call` throws, on a writer in an open archive. */
function codeOf(call: (writer: CatalogWriter) => void): string | undefined {
  const writer = new CatalogWriter({ onBlock: ignore });
  writer.startDirectory(ROOT);
  try {
    call(writer);
    return undefined;
  } catch (error) {
    return error instanceof CatalogError ? error.code : String(error);
  }
}

test('names that no directory has are refused, and nothing is added', async (t) => {
  for (const name of ['', '.', '..', 'a/b', '/', 'a\0', 'x'.repeat(4096)]) {
    t.is(
      codeOf((writer) => writer.file(raw(name), 0, 0)),
      'CATALOG_NAME',
      name,
    );
    t.is(
      codeOf((writer) => writer.other('l', raw(name))),
      'CATALOG_NAME',
      name,
    );
    t.is(
      codeOf((writer) => writer.startDirectory(raw(name))),
      'CATALOG_NAME',
      name,
    );
  }
  const bytes = catalogOf((writer) => {
    writer.startDirectory(ROOT);
    t.throws(() => writer.startDirectory(raw('..')));
    writer.file(raw('x'.repeat(4095)), 0, 0);
    t.throws(() => writer.other('l', raw('a/b')));
    writer.other('l', raw('...'));
    writer.endDirectory();
  });
  t.is((await walk(bytes)).length, 3);
});

test('numbers that a catalog cannot hold are refused', (t) => {
  for (const size of [-1, 0.5, 2 ** 53, Number.NaN])
    t.is(
      codeOf((writer) => writer.file(raw('a'), size, 0)),
      'CATALOG_RANGE',
      `${size}`,
    );
  for (const mtime of [0.5, 2 ** 53, Number.NaN, 2n ** 63n])
    t.is(
      codeOf((writer) => writer.file(raw('a'), 0, mtime)),
      'CATALOG_RANGE',
      `${mtime}`,
    );
});

test('calls out of turn are refused', (t) => {
  const state = 'CATALOG_STATE';
  t.is(
    codeOf((writer) => writer.finish()),
    state,
  );
  const ended = (call: (writer: CatalogWriter) => void): string | undefined =>
    codeOf((writer) => {
      writer.endDirectory();
      call(writer);
    });
  t.is(
    ended((writer) => writer.endDirectory()),
    state,
  );
  t.is(
    ended((writer) => writer.file(raw('a'), 0, 0)),
    state,
  );
  t.is(
    ended((writer) => writer.other('l', raw('a'))),
    state,
  );
  const finished = (call: (writer: CatalogWriter) => void): string | undefined =>
    ended((writer) => {
      writer.finish();
      call(writer);
    });
  t.is(
    finished((writer) => writer.finish()),
    state,
  );
  t.is(
    finished((writer) => writer.startDirectory(raw('a'))),
    state,
  );
});

test('the deepest directories are written and read, deeper ones refused', async (t) => {
  const bytes = catalogOf((writer) => {
    for (let depth = 0; depth < MAX_DEPTH; depth++) writer.startDirectory(raw('d'));
    const error = t.throws(() => writer.startDirectory(raw('d')), { instanceOf: CatalogError });
    t.is(error?.code, 'CATALOG_LIMIT');
    writer.other('l', raw('bottom'));
    for (let depth = 0; depth < MAX_DEPTH; depth++) writer.endDirectory();
  });
  const entries = await walk(bytes);
  t.is(entries.at(-1)?.depth, MAX_DEPTH);
  const reader = await openBytes(bytes);
  const path = Array.from({ length: MAX_DEPTH }, () => raw('d'));
  t.is((await reader.find([...path, raw('bottom')]))?.type, 'l');
});

test('paths longer than a mebibyte end a walk', async (t) => {
  const name = Buffer.alloc(4095, 'n');
  const deep = (levels: number): Buffer =>
    catalogOf((writer) => {
      for (let depth = 0; depth < levels; depth++) writer.startDirectory(name);
      for (let depth = 0; depth < levels; depth++) writer.endDirectory();
    });
  t.is((await walk(deep(256))).length, 256);
  const error = await catalogError(() => walk(deep(257)));
  t.is(error?.code, 'CATALOG_LIMIT');
  t.is(error?.archive, NAME);
});

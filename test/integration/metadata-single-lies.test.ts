/** Catalogs of version 2 that were made to lead astray. What is stored afterwards is true, or says that it is not. */
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { FileEntry, FileExtension } from '../../src/catalog/entry.js';
import { type CatalogTree, fileNodes, place, rewriteCatalog } from '../support/rewritten-catalog.js';
import { makeSampleTree, noise } from '../support/sample-tree.js';
import { holdsLive, isTrue, singleRun } from '../support/single-run.js';
import { withWorld } from '../support/world.js';

const TREE = { directories: 5, filesEach: 10, size: 9000 };
const FILES = 50;
const MTIME = 1_650_000_000;
const REFERENCE = /^Using previous catalog as metadata reference for 'root\.pxar\.didx'$/m;

interface Lie {
  readonly tell?: (tree: CatalogTree) => void;
  readonly edit?: (bytes: Buffer) => Buffer;
  readonly reasons?: Readonly<Record<string, number>>;
  readonly said?: RegExp;
}

/** Ten files at other positions. */
function moveTen(where: FileExtension['place'], offsets: readonly number[]): Lie {
  return {
    tell: ({ children }) => {
      for (const [i, node] of fileNodes(children).slice(10, 20).entries())
        place(node, { place: where, offset: offsets[i % offsets.length]! });
    },
    reasons: { payload: 10 },
  };
}

const LAST = Number.MAX_SAFE_INTEGER;

/** What is no number of a catalog: the root's block has a table of `length` bytes with `count` entries. */
function rootTable(change: (table: Buffer) => void): (bytes: Buffer) => Buffer {
  return (bytes) => {
    change(bytes.subarray(Number(bytes.readBigUInt64LE(bytes.length - 8)), -8));
    return bytes;
  };
}

const LIES: Readonly<Record<string, Lie>> = {
  'positions before and behind the archive': moveTen('archive', [0, 8, 15, 2 ** 24, 2 ** 40, LAST]),
  'offsets behind the appendix': moveTen('appendix', [2 ** 24, 2 ** 40, LAST]),
  'an appendix behind the archive': {
    tell: (tree) => {
      tree.appendixStart = 2 ** 40;
    },
    reasons: { payload: FILES },
  },
  'no appendix': {
    tell: (tree) => {
      tree.appendixStart = undefined;
    },
    reasons: { payload: FILES },
  },
  'other sizes and times': {
    tell: ({ children }) => {
      const [a, b, c, d, e] = fileNodes(children).slice(20, 25) as ReturnType<typeof fileNodes>;
      a!.entry = { ...a!.entry, size: 2 ** 50 };
      b!.entry = { ...b!.entry, mtime: -(2n ** 63n) };
      c!.entry = { ...c!.entry, mtime: 2n ** 63n - 1n };
      place(d!, { mtimeNanoseconds: 1 });
      place(e!, { ctime: 2n ** 63n - 1n });
    },
    reasons: { size: 1, mtime: 3, ctime: 1 },
  },
  'names in no order': {
    tell: ({ children }) => {
      children.reverse();
      for (const node of children) node.children.reverse();
    },
  },
  'every name twice': {
    tell: ({ children }) => {
      for (const node of children) node.children = node.children.flatMap((child) => [child, child]);
    },
  },
  'files where directories are': {
    tell: ({ children }) => {
      const [file] = fileNodes(children);
      for (const node of children) Object.assign(node, { entry: { ...file!.entry, name: node.entry.name } });
    },
    reasons: { new: FILES },
  },
  'another archive': {
    tell: (tree) => tree.name.write('toor', 0),
    reasons: { 'no reference': FILES },
    said: /^Previous catalog does not contain 'root\.pxar\.didx', continue without reference$/m,
  },
  'more entries than there is room for': {
    edit: rootTable((table) => table.writeUInt8(0x7f, 1)),
    reasons: { 'no reference': FILES },
    said: /^Previous catalog cannot be read, continue without reference: .*127 entries/m,
  },
  'a number that does not end': {
    edit: rootTable((table) => table.fill(0xff, 0, 12)),
    reasons: { 'no reference': FILES },
    said: /^Previous catalog cannot be read, continue without reference: .*catalog\.pcat1\.didx/m,
  },
  'another magic': {
    edit: (bytes) => bytes.fill(0, 0, 8),
    reasons: { 'no reference': FILES },
    said: /^Previous catalog cannot be read, continue without reference: .*not a catalog/m,
  },
};

test('what is no evidence in a catalog costs reading, and nothing else', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    let hour = 1;
    await singleRun(world, hour);
    for (const [what, { tell, edit, said = REFERENCE, reasons }] of Object.entries(LIES)) {
      hour += 2;
      await singleRun(world, hour - 1);
      await rewriteCatalog(world.store, tell, edit);
      const run = await singleRun(world, hour);
      t.is(run.code, 0, what);
      t.regex(run.stderr, said, what);
      const { reused = 0, padding = 0, ...others } = run.reasons;
      if (reasons !== undefined) t.deepEqual(others, reasons, what);
      t.is(
        Object.values(others).reduce((sum, count) => sum + count, reused + padding),
        FILES,
        what,
      );
      await holdsLive(t, world, what);
    }
    await isTrue(t, world);
  });
});

/** Ways to break the order of positions. */
const ORDERS: Readonly<Record<string, (places: FileEntry['extension'][]) => void>> = {
  'exchanged in pairs': (places) => {
    for (let i = 0; i + 1 < places.length; i += 2) [places[i], places[i + 1]] = [places[i + 1], places[i]];
  },
  'all descending': (places) => places.reverse(),
  'all the same': (places) => places.fill(places[0]),
};

/** Exchanges the positions of all files. */
function exchange(order: (places: FileEntry['extension'][]) => void): (tree: CatalogTree) => void {
  return ({ children }) => {
    const nodes = fileNodes(children);
    const places = nodes.map(({ entry }) => entry.extension);
    order(places);
    for (const [i, node] of nodes.entries()) place(node, { offset: places[i]!.offset });
  };
}

function makeFiles(source: string, contentOf: (i: number) => Buffer): void {
  for (let i = 0; i < 20; i += 1) {
    const path = join(source, `f${String(i).padStart(2, '0')}`);
    writeFileSync(path, contentOf(i));
    utimesSync(path, MTIME, MTIME);
  }
}

test('positions in no order become references that ascend', async (t) => {
  await withWorld(async (world) => {
    // Equal contents: whichever of them a name leads to, it is the right one.
    makeFiles(world.source, () => noise('same', 40_000));
    await singleRun(world, 1);
    let hour = 0;
    for (const [how, order] of Object.entries(ORDERS)) {
      hour += 2;
      await singleRun(world, hour);
      await rewriteCatalog(world.store, exchange(order));
      const run = await singleRun(world, hour + 1);
      t.regex(run.stderr, REFERENCE, how);
      t.true(run.reasons['reused']! >= 10, `${how}: ${JSON.stringify(run.reasons)}`);
      await isTrue(t, world);
    }
  });
});

// Nothing but reading all contents would tell: as with the metadata archive of a split layout, who writes a catalog is trusted.
test('positions of other files of the same size are believed', async (t) => {
  await withWorld(async (world) => {
    makeFiles(world.source, (i) => noise(`${i}`, 40_000));
    await singleRun(world, 1);
    await singleRun(world, 2);
    await rewriteCatalog(world.store, exchange(ORDERS['exchanged in pairs']!));
    const run = await singleRun(world, 3);
    t.deepEqual(run.reasons, { reused: 20 });
    t.is((await world.restore()).code, 0);
    t.true(readFileSync(join(world.target, 'f00')).equals(noise('1', 40_000)));
    t.true(readFileSync(join(world.target, 'f01')).equals(noise('0', 40_000)));
  });
});

test('positions where no content begins make no file that could be taken for one', async (t) => {
  await withWorld(async (world) => {
    makeFiles(world.source, (i) => noise(`${i}`, 40_000));
    await singleRun(world, 1);
    await singleRun(world, 2);
    await rewriteCatalog(world.store, ({ children }) => {
      const [, , node] = fileNodes(children);
      place(node!, { offset: node!.entry.extension!.offset + 1 });
    });
    const run = await singleRun(world, 3);
    t.deepEqual(run.reasons, { reused: 20 });
    const { code, stderr } = await world.restore();
    t.is(code, 3, stderr);
    t.regex(stderr, /^error: "f02": .* no content of this size/m);
    t.false(existsSync(join(world.target, 'f02')));
    t.is(readdirSync(world.target).length, 19);
  });
});

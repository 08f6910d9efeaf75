import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { WalkOptions } from '../../src/backup/options.js';
import { ScanAhead } from '../../src/backup/scan-ahead.js';
import { native } from '../../src/native.js';
import { indexOfName, nameLatin1 } from '../../src/native-listing.js';
import type { NativeTree } from '../../src/native-scan.js';

const walk: WalkOptions = {
  excludes: [],
  allFileSystems: false,
  includedDevices: new Set(),
  storedEmpty: new Set(),
  entriesMax: 1_000_000,
  largestFile: Number.POSITIVE_INFINITY,
  markers: [],
};

/** A tree of directories `0`, `1`, … with so many files each. */
function makeTree(counts: readonly number[]): string {
  const root = mkdtempSync(join(tmpdir(), 'restat-scan-'));
  counts.forEach((count, i) => {
    mkdirSync(join(root, String(i)));
    for (let k = 0; k < count; k += 1) writeFileSync(join(root, String(i), `name ${k}`), '');
  });
  return root;
}

test('directories that together hold more than may be scanned ahead all come, in order', async (t) => {
  const counts = [3, 20_000, 17_000, 500, 2, 16_000];
  const root = makeTree(counts);
  t.teardown(() => rmSync(root, { recursive: true }));
  const tree = new native.Tree(root, false, undefined);
  const scan = new ScanAhead(tree, walk);
  const top = await scan.root(tree.root());
  const found: number[] = [];
  for (let row = 0; row < top.keep.length; row += 1) {
    const directory = await scan.child(top, row);
    found.push(directory.keep.length);
    scan.release(directory);
    // Records go at once, and nobody looks at them again.
    t.is(directory.stats.length, 0);
  }
  t.deepEqual(found, counts);
});

/** A tree that ends the first `held` scans below its root together, in order, and tells which directories are scanned. */
function holdingTree(tree: NativeTree, held: number): { tree: NativeTree; scanned: string[] } {
  const names = new Map([[0, '']]);
  const scanned: string[] = [];
  const results: { memory: ArrayBuffer; resolve: (memory: ArrayBuffer) => void }[] = [];
  const enter: NativeTree['enter'] = (parent, name, stat) => {
    const id = tree.enter(parent, name, stat);
    names.set(id, `${names.get(parent)!}/${name.toString()}`);
    return id;
  };
  const whole: NativeTree['whole'] = async (id, limit, onlyList) => {
    scanned.push(names.get(id)!);
    const place = scanned.length - 2;
    const memory = await tree.whole(id, limit, onlyList);
    if (place < 0 || place >= held) return memory;
    return new Promise((resolve) => {
      results[place] = { memory, resolve };
      // When all of them are waited for: the one that came last would be late otherwise.
      if (Object.keys(results).length === held)
        setImmediate(() => {
          for (const result of results) result.resolve(result.memory);
        });
    });
  };
  const replaced: Partial<NativeTree> = { enter, whole };
  return {
    scanned,
    tree: new Proxy(tree, {
      get(target, key: keyof NativeTree) {
        const member = replaced[key] ?? target[key];
        return member === replaced[key] ? member : member.bind(target);
      },
    }),
  };
}

test('what is needed first is scanned first, also where later directories are known already', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'restat-scan-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const below: string[] = [];
  for (const name of 'abcdefghijkl') {
    for (const sub of '012') {
      mkdirSync(join(root, name, sub), { recursive: true });
      below.push(`/${name}/${sub}`);
    }
  }
  const { tree, scanned } = holdingTree(new native.Tree(root, false, undefined), 12);
  const scan = new ScanAhead(tree, walk);
  const top = await scan.root(tree.root());
  await scan.child(top, 0);
  await scan.child(top, 11);
  t.deepEqual(scanned.slice(13), below.slice(0, scanned.length - 13));
  t.true(scanned.length > 20);
});

test('a name is found in a listing, and only whole', async (t) => {
  const root = makeTree([7]);
  t.teardown(() => rmSync(root, { recursive: true }));
  const tree = new native.Tree(join(root, '0'), false, undefined);
  const list = await tree.list(0, 100);
  for (let i = 0; i < 7; i += 1) t.is(indexOfName(list, Buffer.from(nameLatin1(list, i))), i);
  for (const name of ['', 'name', 'name 7', 'name 33', 'zzz']) t.is(indexOfName(list, Buffer.from(name)), -1);
});

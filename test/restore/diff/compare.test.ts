import test from 'ava';
import { compareTrees } from '../../../src/restore/diff/compare.js';
import type { DiffNode } from '../../../src/restore/diff/diff-node.js';

const NAMES = 200_000;

/** A directory, or a file, without anything special. */
function node(type: 'd' | 'f', children: ReadonlyMap<string, DiffNode>): DiffNode {
  const mtime = { seconds: 0, nanoseconds: 0 };
  return {
    type,
    row: { type, mode: 0, uid: 0, gid: 0, size: undefined, mtime, target: undefined },
    device: undefined,
    attributes: undefined,
    children: async () => children,
    async *content() {},
  };
}

test('a directory may have more names than a call takes arguments', async (t) => {
  const file = node('f', new Map());
  const wide = new Map(Array.from({ length: NAMES }, (_, i) => [`f${i}`, file] as const));
  const options = { content: false, signal: new AbortController().signal };
  let count = 0;
  for await (const _ of compareTrees(node('d', new Map()), node('d', wide), options)) count += 1;
  t.is(count, NAMES);
});

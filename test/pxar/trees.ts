/** Random trees for property tests, and how to write and compare them. */
import fc from 'fast-check';
import { Item, Mode } from '../../src/pxar/format.js';
import type { Metadata } from '../../src/pxar/metadata.js';
import { encodeMetadata } from '../../src/pxar/metadata-encoder.js';
import { Collected, hashOf, item, u64 } from './encoding.js';

const PLAIN = {
  flags: 0n,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: [],
  acl: {
    users: [],
    groups: [],
    groupObj: undefined,
    default: undefined,
    defaultUsers: [],
    defaultGroups: [],
  },
  fcaps: undefined,
  projectId: undefined,
};

/** Metadata with this mode and nothing else but what is given. */
export function metadataOf(mode: number, rest: Partial<Metadata> = {}): Metadata {
  return { ...PLAIN, ...rest, mode };
}

/** A tree as the tests describe it. */
export type Tree =
  | { readonly kind: 'directory'; readonly metadata: Metadata; readonly children: ReadonlyMap<string, Tree> }
  | { readonly kind: 'file'; readonly metadata: Metadata; readonly size: number; readonly fresh: boolean }
  | { readonly kind: 'symlink'; readonly metadata: Metadata; readonly target: Buffer }
  | { readonly kind: 'device'; readonly metadata: Metadata; readonly major: number; readonly minor: number }
  | { readonly kind: 'fifo' | 'socket'; readonly metadata: Metadata };

const TYPES = {
  directory: Mode.DIRECTORY,
  file: Mode.FILE,
  symlink: Mode.SYMLINK,
  device: Mode.CHARACTER,
  fifo: Mode.FIFO,
  socket: Mode.SOCKET,
};

const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
const u32 = fc.nat({ max: 0xffff_ffff });
const permission = fc.nat({ max: 7 });
const optionalPermission = fc.option(permission, { nil: undefined });
const byId = (a: { id: number; permissions: number }, b: { id: number; permissions: number }): number =>
  a.id - b.id || a.permissions - b.permissions;
const aclEntries = fc
  .array(fc.record({ id: u32, permissions: permission }), { maxLength: 3 })
  .map((entries) => entries.toSorted(byId));
const nonZero = bytes(1, 20).map((name) => Buffer.from(name.map((byte) => byte || 1)));

const metadata = (mode: number): fc.Arbitrary<Metadata> =>
  fc.record({
    mode: fc.nat({ max: 0o7777 }).map((permissions) => mode | permissions),
    flags: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    uid: u32,
    gid: u32,
    mtime: fc.record({
      seconds: fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }),
      nanoseconds: fc.nat({ max: 999_999_999 }),
    }),
    xattrs: fc.array(fc.record({ name: nonZero, value: bytes(0, 40) }), { maxLength: 3 }),
    acl: fc.record({
      users: aclEntries,
      groups: aclEntries,
      groupObj: optionalPermission,
      default: fc.option(
        fc.record({
          userObj: optionalPermission,
          groupObj: optionalPermission,
          other: optionalPermission,
          mask: optionalPermission,
        }),
        { nil: undefined },
      ),
      defaultUsers: aclEntries,
      defaultGroups: aclEntries,
    }),
    fcaps: fc.option(bytes(0, 24), { nil: undefined }),
    projectId: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
  });

/** A file name without NUL and slash, as a Latin-1 string: one character for each byte. */
export const fileName = bytes(1, 30)
  .map((name) =>
    Buffer.from(name.map((byte) => (byte === 0 || byte === 0x2f ? 0x78 : byte))).toString('latin1'),
  )
  .filter((name) => name !== '.' && name !== '..');

const { node } = fc.letrec<{ node: Tree }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.record({
      kind: fc.constant('file' as const),
      metadata: metadata(Mode.FILE),
      size: fc.nat({ max: 1e9 }),
      fresh: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('symlink' as const), metadata: metadata(Mode.SYMLINK), target: nonZero }),
    fc.record({
      kind: fc.constant('device' as const),
      metadata: metadata(Mode.CHARACTER),
      major: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      minor: u32,
    }),
    fc.record({ kind: fc.constant('fifo' as const), metadata: metadata(Mode.FIFO) }),
    fc.record({ kind: fc.constant('socket' as const), metadata: metadata(Mode.SOCKET) }),
    fc.record({
      kind: fc.constant('directory' as const),
      metadata: metadata(Mode.DIRECTORY),
      children: fc
        .array(fc.tuple(fileName, tie('node')), { maxLength: 8 })
        .map((children): ReadonlyMap<string, Tree> => new Map(children)),
    }),
  ),
}));

/** A random tree with a directory at its root. */
export const directoryTree: fc.Arbitrary<Tree> = fc
  .array(fc.tuple(fileName, node), { maxLength: 12 })
  .chain((children) =>
    metadata(Mode.DIRECTORY).map((root) => ({
      kind: 'directory',
      metadata: root,
      children: new Map(children),
    })),
  );

/** Children of a directory in archive order. */
export function sortedChildren(children: ReadonlyMap<string, Tree>): [Buffer, Tree][] {
  const named = [...children].map(([name, child]): [Buffer, Tree] => [Buffer.from(name, 'latin1'), child]);
  return named.sort(([a], [b]) => a.compare(b));
}

/** Writes a tree as a metadata stream; payloads are laid out one after the other from byte 16. */
export function encodeTree(tree: Tree): Collected {
  const collected = new Collected();
  const state = { payload: 16 };
  if (tree.kind !== 'directory') throw new Error('the root is not a directory');
  const body = encodeMetadata(tree.metadata);
  collected.encoder.root(body, 0, body.length);
  for (const [name, child] of sortedChildren(tree.children)) encodeNode(collected, name, child, state);
  collected.encoder.finish();
  return collected;
}

function encodeNode(collected: Collected, name: Buffer, tree: Tree, state: { payload: number }): void {
  const { encoder } = collected;
  const body = bodyOf(tree);
  const hash = hashOf(name);
  if (tree.kind === 'file') {
    encoder.file(name, 0, name.length, hash, 0, body, 0, body.length, state.payload, tree.size, tree.fresh);
    state.payload += 16 + tree.size;
  } else if (tree.kind === 'directory') {
    encoder.enterDirectory(name, 0, name.length, hash, 0, body, 0, body.length);
    for (const [childName, child] of sortedChildren(tree.children))
      encodeNode(collected, childName, child, state);
    encoder.leaveDirectory();
  } else {
    encoder.leaf(name, 0, name.length, hash, 0, body, 0, body.length);
  }
}

/** ENTRY, attributes, and what else a leaf has. */
export function bodyOf(tree: Tree): Buffer {
  const body = encodeMetadata({ ...tree.metadata, mode: (tree.metadata.mode & 0o7777) | TYPES[tree.kind] });
  if (tree.kind === 'symlink')
    return Buffer.concat([body, item(Item.SYMLINK, Buffer.concat([tree.target, Buffer.from([0])]))]);
  if (tree.kind === 'device') return Buffer.concat([body, item(Item.DEVICE, u64(tree.major, tree.minor))]);
  return body;
}

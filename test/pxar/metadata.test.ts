import test from 'ava';
import { Item } from '../../src/pxar/format.js';
import { decodeMetadata, decodeStat, type Metadata } from '../../src/pxar/metadata.js';
import { encodeMetadata } from '../../src/pxar/metadata-encoder.js';
import { item, u64 } from './encoding.js';
import { entry } from './raw.js';
import { metadataOf } from './trees.js';

const place = { archive: 'test.pxar', position: 1000 };
const decode = (...items: readonly Buffer[]): Metadata => decodeMetadata(Buffer.concat(items), place);

test('items look as in the examples of the specification', (t) => {
  const acl = { ...metadataOf(0).acl };
  const behind = (rest: Partial<Metadata>): string =>
    encodeMetadata(metadataOf(0o100644, rest)).subarray(56).toString('hex');
  t.is(
    behind({ xattrs: [{ name: Buffer.from('user.k'), value: Buffer.from('v1') }] }),
    '03cd7db52902ab0d1900000000000000757365722e6b007631',
  );
  t.is(
    behind({ acl: { ...acl, users: [{ id: 1001, permissions: 6 }] } }),
    'b8557d450a54e82c2000000000000000e9030000000000000600000000000000',
  );
  t.is(
    behind({ acl: { ...acl, default: { userObj: 7, groupObj: 5, other: 5, mask: undefined } } }),
    `f596685a4113bbbb3000000000000000${'07'.padEnd(16, '0')}${'05'.padEnd(16, '0').repeat(2)}${'f'.repeat(16)}`,
  );
  t.is(behind({ projectId: 42 }), 'bb1c7d2fe84075e018000000000000002a00000000000000');
});

test('the old stat layout counts nanoseconds', (t) => {
  const bytes = Buffer.from(
    'ffce1c1c0a85da113000000000000000a4810000000000000000000000000000e8030000e80300000065f753fe9c9717',
    'hex',
  );
  t.deepEqual(decodeStat(bytes, place), {
    mode: 0o100644,
    flags: 0n,
    uid: 1000,
    gid: 1000,
    mtime: { seconds: 1700000000, nanoseconds: 500000000 },
  });
});

test('times before 1970 are floor-style', (t) => {
  const mtime = { seconds: -1, nanoseconds: 750000000 };
  const bytes = encodeMetadata(metadataOf(0o100644, { mtime }));
  t.is(bytes.subarray(40, 52).toString('hex'), 'ffffffffffffffff8017b42c');
  t.deepEqual(decodeStat(bytes, place).mtime, mtime);
});

test('named ACL entries are written in order of id, then permissions', (t) => {
  const users = [
    { id: 3, permissions: 1 },
    { id: 1, permissions: 7 },
    { id: 1, permissions: 2 },
  ];
  const { acl } = decode(encodeMetadata(metadataOf(0o100644, { acl: { ...metadataOf(0).acl, users } })));
  t.deepEqual(acl.users, [users[2], users[1], users[0]]);
});

test('bodies that break the format are refused with the place', (t) => {
  const refused = (code: string, ...items: readonly Buffer[]): void => {
    const error = t.throws(() => decode(...items), { name: 'PxarError', code });
    t.true(error.message.startsWith('test.pxar: at byte 10'));
  };
  const stat = entry(0o100644);
  refused('PXAR_EOF', stat.subarray(0, 10));
  refused('PXAR_EOF', stat.subarray(0, 50));
  refused('PXAR_EOF', stat, item(Item.FCAPS, u64(1)).subarray(0, 20));
  refused('PXAR_ITEM', item(Item.FCAPS, u64(1)));
  refused('PXAR_ITEM', stat, item(Item.PAYLOAD, u64(1)));
  refused('PXAR_DUPLICATE_ITEM', stat, item(Item.QUOTA_PROJID, u64(1)), item(Item.QUOTA_PROJID, u64(1)));
  refused('PXAR_ACL', stat, item(Item.ACL_USER, u64(1, 8)));
  refused('PXAR_ACL', stat, item(Item.ACL_GROUP_OBJ, u64(2n ** 64n - 1n)));
  refused('PXAR_RANGE', stat, item(Item.QUOTA_PROJID, u64(2n ** 53n)));
  refused('PXAR_TIME', item(Item.ENTRY, u64(0o100644, 0, 0, 2n ** 62n, 0)));
  refused('PXAR_XATTR', stat, item(Item.XATTR, Buffer.from('user.a')), item(Item.FCAPS, u64(0)));
});

test('what the format cannot hold is not encoded', (t) => {
  const wrong: readonly Partial<Metadata>[] = [
    { uid: -1 },
    { gid: 2 ** 32 },
    { flags: -1n },
    { mtime: { seconds: 0.5, nanoseconds: 0 } },
    { mtime: { seconds: 0, nanoseconds: 1e9 } },
    { projectId: 2 ** 53 },
    { xattrs: [{ name: Buffer.from('a\0b'), value: Buffer.alloc(0) }] },
    { xattrs: [{ name: Buffer.from('user.a'), value: Buffer.alloc(65791) }] },
    { fcaps: Buffer.alloc(65792) },
  ];
  for (const rest of wrong)
    t.throws(() => encodeMetadata(metadataOf(0o100644, rest)), { code: 'PXAR_METADATA_RANGE' });
});

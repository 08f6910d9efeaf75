import test from 'ava';
import { PxarAccessor } from '../../src/pxar/accessor.js';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { type DecoderOptions, PxarDecoder } from '../../src/pxar/decoder.js';
import type { Entry } from '../../src/pxar/entry.js';
import { PxarError, type PxarErrorCode } from '../../src/pxar/errors.js';
import { Item } from '../../src/pxar/format.js';
import { checkPayloadHeader, checkStartMarker } from '../../src/pxar/payload.js';
import { item, u64 } from './encoding.js';
import { directory, entry, hardlink, inlineFile, type RawChild, subdirectory, versioned } from './raw.js';

async function decode(bytes: Buffer, options: Partial<DecoderOptions> = {}): Promise<Entry[]> {
  const decoder = new PxarDecoder(bufferSource(bytes), { archive: 'test.pxar', ...options });
  const entries: Entry[] = [];
  for (let batch = await decoder.nextBatch(100); batch.length > 0; batch = await decoder.nextBatch(100))
    entries.push(...batch);
  return entries;
}

/** Names and kinds of what can be read, in order. */
async function kinds(bytes: Buffer): Promise<string[]> {
  return (await decode(bytes)).map(({ kind, name }) => `${kind} ${name.toString()}`);
}

const file = (name: string, content = ''): RawChild => ({ name, content: inlineFile(content) });
const child = (...items: readonly Buffer[]): RawChild => ({ name: 'x', content: Buffer.concat(items) });
const regular = entry(0o100644);
const payload = item(Item.PAYLOAD, Buffer.alloc(0));
const xattr = item(Item.XATTR, Buffer.from('user.a\0b'));

const rejected: readonly (readonly [title: string, code: PxarErrorCode, archive: Buffer])[] = [
  ['a name that comes twice', 'PXAR_DUPLICATE_NAME', directory([file('a'), file('b'), file('a')])],
  ['a name that comes twice in a row', 'PXAR_DUPLICATE_NAME', directory([file('a'), file('a')])],
  [
    'a directory with the name of a link',
    'PXAR_DUPLICATE_NAME',
    directory([file('z'), file('b'), subdirectory('z', [])]),
  ],
  ['a root that is a file', 'PXAR_MODE', directory([], 0, entry(0o100644))],
  ['a mode with unknown bits', 'PXAR_MODE', directory([child(entry(0o1100644), payload)])],
  ['a directory with a payload', 'PXAR_MODE', directory([child(entry(0o040755), payload)])],
  ['a file without payload', 'PXAR_MODE', directory([child(regular)])],
  ['a symbolic link without target', 'PXAR_MODE', directory([child(entry(0o120777))])],
  ['a mode without type', 'PXAR_MODE', directory([child(entry(0o644))])],
  ['an unknown version', 'PXAR_VERSION', versioned(4, [])],
  ['a second version item', 'PXAR_VERSION', versioned(2, [], item(Item.FORMAT_VERSION, u64(2)))],
  ['a prelude in version 1', 'PXAR_ITEM', versioned(1, [], item(Item.PRELUDE, Buffer.from('{}')))],
  [
    'a second prelude',
    'PXAR_ITEM',
    versioned(2, [], item(Item.PRELUDE, Buffer.alloc(0)), item(Item.PRELUDE, Buffer.alloc(0))),
  ],
  [
    'a payload reference in version 1',
    'PXAR_ITEM',
    directory([child(regular, item(Item.PAYLOAD_REF, u64(16, 0)))]),
  ],
  ['an entry without ENTRY', 'PXAR_ITEM', directory([child(payload)])],
  ['an ENTRY between attributes', 'PXAR_MODE', directory([child(regular, xattr, regular, payload)])],
  [
    'an ENTRY that is too short',
    'PXAR_ITEM_SIZE',
    directory([child(item(Item.ENTRY, Buffer.alloc(39)), payload)]),
  ],
  [
    'a payload reference that is too long',
    'PXAR_ITEM_SIZE',
    versioned(2, [child(regular, item(Item.PAYLOAD_REF, u64(16, 0, 0)))]),
  ],
  [
    'a second set of capabilities',
    'PXAR_DUPLICATE_ITEM',
    directory([child(regular, item(Item.FCAPS, u64(1)), item(Item.FCAPS, u64(1)), payload)]),
  ],
  [
    'an attribute without NUL',
    'PXAR_XATTR',
    directory([child(regular, item(Item.XATTR, Buffer.from('user.a')), payload)]),
  ],
  [
    'a link target without NUL',
    'PXAR_SYMLINK',
    directory([child(entry(0o120777), item(Item.SYMLINK, Buffer.from('ab')))]),
  ],
  [
    'a link target with a NUL inside',
    'PXAR_SYMLINK',
    directory([child(entry(0o120777), item(Item.SYMLINK, Buffer.from('a\0b\0')))]),
  ],
  [
    'an empty link target',
    'PXAR_SYMLINK',
    directory([child(entry(0o120777), item(Item.SYMLINK, Buffer.from('\0')))]),
  ],
  [
    'nanoseconds of a second',
    'PXAR_TIME',
    directory([child(item(Item.ENTRY, Buffer.concat([u64(0o100644, 0, 0, 0), u64(1e9)])), payload)]),
  ],
  ['a name with a slash', 'PXAR_NAME', directory([file('a/b')])],
  ['a name with a NUL', 'PXAR_NAME', directory([file('a\0b')])],
  ['a name of 4097 bytes', 'PXAR_ITEM_SIZE', directory([file('x'.repeat(4097))])],
  [
    'a hard link to itself',
    'PXAR_HARDLINK',
    directory([file('a'), { name: 'b', content: hardlink(0, 'a') }]),
  ],
  [
    'a hard link to before the archive',
    'PXAR_HARDLINK',
    directory([file('a'), { name: 'b', content: hardlink(1e6, 'a') }]),
  ],
  [
    'a hard link to a directory',
    'PXAR_HARDLINK',
    directory([subdirectory('a', []), { name: 'b', content: (at) => hardlink(at - 56, 'a') }]),
  ],
  [
    'a hard link to a hard link',
    'PXAR_HARDLINK',
    directory([
      file('a'),
      { name: 'b', content: (at) => hardlink(at - 56, 'a') },
      { name: 'c', content: hardlink(44, 'b') },
    ]),
  ],
  [
    'a hard link whose path is another',
    'PXAR_HARDLINK',
    directory([file('a'), file('b'), { name: 'c', content: (at) => hardlink(at - 56, 'b') }]),
  ],
  [
    'a hard link whose path climbs',
    'PXAR_HARDLINK',
    directory([file('a'), { name: 'b', content: (at) => hardlink(at - 56, '../a') }]),
  ],
  [
    'a payload beyond the archive',
    'PXAR_EOF',
    directory([child(regular, Buffer.from(payload).fill(0xff, 9, 10))]),
  ],
  [
    'a payload reference to the start marker',
    'PXAR_PAYLOAD',
    versioned(2, [child(regular, item(Item.PAYLOAD_REF, u64(0, 0)))]),
  ],
  [
    'a payload reference above 2^53',
    'PXAR_RANGE',
    versioned(2, [child(regular, item(Item.PAYLOAD_REF, u64(16, 2n ** 60n)))]),
  ],
  [
    'a device number above 2^53',
    'PXAR_RANGE',
    directory([child(entry(0o020600), item(Item.DEVICE, u64(2n ** 53n, 0)))]),
  ],
];

for (const [title, code, archive] of rejected) {
  test(`${title} is rejected with ${code}`, async (t) => {
    const error = await t.throwsAsync(decode(archive), { instanceOf: PxarError, code });
    t.is(error.archive, 'test.pxar');
    t.true(error.offset >= 0 && error.offset <= archive.length && error.message.includes(`${error.offset}`));
  });
}

test('entries before the damage are delivered, then every call fails', async (t) => {
  const decoder = new PxarDecoder(bufferSource(directory([file('a'), file('b'), file('a')])), {
    archive: 'test.pxar',
  });
  const names: string[] = [];
  await t.throwsAsync(
    async () => {
      for (let batch = await decoder.nextBatch(10); batch.length > 0; batch = await decoder.nextBatch(10)) {
        names.push(...batch.map(({ name }) => name.toString()));
      }
    },
    { code: 'PXAR_DUPLICATE_NAME' },
  );
  t.deepEqual(names, ['', 'a', 'b']);
  await t.throwsAsync(decoder.next(), { code: 'PXAR_DUPLICATE_NAME' });
});

test('the accessor finds duplicate names and links that lead elsewhere', async (t) => {
  const open = (bytes: Buffer): Promise<PxarAccessor> =>
    PxarAccessor.open(bufferSource(bytes), { archive: 'test.pxar' });
  const twice = await open(directory([file('a'), file('b'), file('a')]));
  await t.throwsAsync(twice.readDirectory(await twice.root()), { code: 'PXAR_DUPLICATE_NAME' });
  const linked = await open(
    directory([file('a'), file('b'), { name: 'c', content: (at) => hardlink(at - 56, 'b') }]),
  );
  const link = await linked.lookupPath(Buffer.from('c'));
  t.is(link?.entry.kind, 'hardlink');
  if (link?.entry.kind === 'hardlink')
    await t.throwsAsync(linked.resolveLink(link.entry), { code: 'PXAR_HARDLINK' });
});

test('goodbye tables must describe their directory', async (t) => {
  const good = directory([file('a'), file('b', 'content'), subdirectory('d', [file('e')])]);
  const table = good.length - 4 * 24;
  for (let at = table; at < good.length; at++) {
    const bytes = Buffer.from(good);
    bytes[at]! ^= 1;
    await t.throwsAsync(decode(bytes), { code: 'PXAR_GOODBYE' }, `${at}`);
  }
  const missing = Buffer.concat([entry(0o040755), good.subarray(56, table - 16), directory([]).subarray(56)]);
  await t.throwsAsync(decode(missing), { code: 'PXAR_GOODBYE' });
});

test('unusual archives that the format allows are read', async (t) => {
  t.deepEqual(await kinds(directory([file('b'), file('a'), file('c')])), [
    'directory ',
    'file b',
    'file a',
    'file c',
    'leave ',
  ]);
  t.deepEqual(await kinds(versioned(1, [file('a')])), ['directory ', 'file a', 'leave ']);
  t.deepEqual(await kinds(versioned(2, [file('a', 'inline')], item(Item.PRELUDE, Buffer.alloc(0)))), [
    'directory ',
    'file a',
    'leave ',
  ]);
  const shuffled = child(
    regular,
    item(Item.FCAPS, u64(1)),
    xattr,
    item(Item.ACL_USER, u64(1, 7)),
    xattr,
    payload,
  );
  t.deepEqual(await kinds(directory([shuffled])), ['directory ', 'file x', 'leave ']);
  const pipes = [
    { name: 'p', content: entry(0o010644) },
    { name: 's', content: entry(0o140644) },
  ];
  t.deepEqual(await kinds(directory([subdirectory('d', pipes)])), [
    'directory ',
    'directory d',
    'fifo p',
    'socket s',
    'leave d',
    'leave ',
  ]);
  const old = item(Item.ENTRY_V1, u64(0o100644, 0, 0, 1));
  t.deepEqual(await kinds(directory([child(old, payload)])), ['directory ', 'file x', 'leave ']);
});

test('a FIFO or socket may be the last thing in a directory for the accessor', async (t) => {
  for (const mode of [0o010644, 0o140644]) {
    const bytes = directory([subdirectory('d', [{ name: 'p', content: entry(mode) }])]);
    const accessor = await PxarAccessor.open(bufferSource(bytes), { archive: 'test.pxar' });
    const node = await accessor.lookupPath(Buffer.from('d/p'));
    t.is(node?.entry.kind, mode === 0o010644 ? 'fifo' : 'socket');
  }
});

test('references are checked against the length of the payload archive', async (t) => {
  const archive = versioned(2, [child(regular, item(Item.PAYLOAD_REF, u64(16, 100)))]);
  t.is((await decode(archive, { payloadSize: 132 })).length, 3);
  await t.throwsAsync(decode(archive, { payloadSize: 131 }), { code: 'PXAR_PAYLOAD' });
});

test('metadata larger than a block is read, and metadata without end is refused', async (t) => {
  const large = item(Item.XATTR, Buffer.concat([Buffer.from('user.large\0'), Buffer.alloc(65000)]));
  const some = Array.from({ length: 40 }, () => large);
  const [, entryOfMany] = await decode(directory([child(regular, ...some, payload)]));
  t.is(entryOfMany?.kind === 'file' ? entryOfMany.body.length : 0, 56 + 40 * large.length);
  const many = Array.from({ length: 1100 }, () => large);
  await t.throwsAsync(decode(directory([child(regular, ...many, payload)])), { code: 'PXAR_LIMIT' });
});

test('payload headers must be what the reference says', (t) => {
  const place = { archive: 'test.ppxar', position: 16 };
  const header = item(Item.PAYLOAD, Buffer.alloc(5)).subarray(0, 16);
  t.notThrows(() => checkPayloadHeader(header, 5, place));
  t.throws(() => checkPayloadHeader(header, 4, place), { code: 'PXAR_PAYLOAD' });
  t.throws(() => checkPayloadHeader(item(Item.PAYLOAD_START_MARKER, Buffer.alloc(0)), 0, place), {
    code: 'PXAR_PAYLOAD',
  });
  t.throws(() => checkPayloadHeader(header.subarray(0, 15), 5, place), { code: 'PXAR_EOF' });
  t.throws(() => checkPayloadHeader(Buffer.alloc(16), 5, place), { code: 'PXAR_ITEM' });
  t.throws(() => checkStartMarker(header, 'test.ppxar'), { code: 'PXAR_PAYLOAD' });
});

import test, { type ExecutionContext } from 'ava';
import { isDirectory, type Node, PxarAccessor } from '../../src/pxar/accessor.js';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { type DecoderOptions, PxarDecoder } from '../../src/pxar/decoder.js';
import { PxarError, type PxarErrorCode } from '../../src/pxar/errors.js';
import { Item } from '../../src/pxar/format.js';
import { checkPayloadHeader } from '../../src/pxar/payload.js';
import { item, u64 } from './encoding.js';
import { appended, closingTable, directory, entry, inlineFile, referredFile, versioned } from './raw.js';

const ARCHIVE = 'test.pxar';
const CONTENT = Buffer.concat([Buffer.alloc(3), item(Item.PAYLOAD, Buffer.from('hi'))]);
const HEAD = item(Item.FORMAT_VERSION, u64(3));
/** File `a` with content in the appendix, then `b` with content in the tree. */
const good = appended(
  [
    { name: 'a', content: referredFile(3, 2) },
    { name: 'b', content: inlineFile('x') },
  ],
  CONTENT,
);
const closing = good.length - 64;
const appendix = closing - 16 - CONTENT.length;
/** Position of the APPENDIX_REF: behind version, root, FILENAME and ENTRY. */
const reference = 24 + 56 + 18 + 56;

type Read = (bytes: Buffer, options?: Partial<DecoderOptions>) => Promise<string[]>;

/** Names and kinds; what was read before an error is in `seen`. */
async function decode(
  bytes: Buffer,
  options: Partial<DecoderOptions> = {},
  seen: string[] = [],
): Promise<string[]> {
  const decoder = new PxarDecoder(bufferSource(bytes), { archive: ARCHIVE, ...options });
  for (let found = await decoder.next(); found !== undefined; found = await decoder.next())
    seen.push(`${found.kind} ${found.name.toString()}`);
  return seen;
}

async function visit(accessor: PxarAccessor, node: Node): Promise<string[]> {
  const names = [node.entry.name.toString()];
  if (!isDirectory(node)) return names;
  for (const child of await accessor.readDirectory(node)) names.push(...(await visit(accessor, child)));
  return names;
}

const access: Read = async (bytes, options = {}) => {
  const accessor = await PxarAccessor.open(bufferSource(bytes), { archive: ARCHIVE, ...options });
  return visit(accessor, await accessor.root());
};

async function refuses(
  t: ExecutionContext,
  bytes: Buffer,
  [sequential, random]: readonly [PxarErrorCode, PxarErrorCode],
  options: Partial<DecoderOptions> = {},
): Promise<void> {
  const expected = { instanceOf: PxarError };
  const place = `${bytes.length} bytes`;
  const error = await t.throwsAsync(decode(bytes, options), { ...expected, code: sequential }, place);
  t.is(error?.archive, ARCHIVE);
  t.true((error?.offset ?? -1) >= 0 && (error?.offset ?? 0) <= bytes.length);
  await t.throwsAsync(access(bytes, options), { ...expected, code: random }, place);
}

const both = (code: PxarErrorCode): readonly [PxarErrorCode, PxarErrorCode] => [code, code];

/** The archive with another u64 at `at`. */
function changed(at: number, value: bigint): Buffer {
  const bytes = Buffer.from(good);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  return bytes;
}

/** Values that the u64 at `at` must not have, near and far. */
function wrongValues(at: number): bigint[] {
  const value = good.readBigUInt64LE(at);
  const others = [value + 1n, value - 1n, 0n, 15n, 16n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n, ~value];
  return others.filter((other) => BigInt.asUintN(64, other) !== value);
}

test('the undamaged archive is read', async (t) => {
  t.deepEqual(await decode(good), ['directory ', 'file a', 'file b', 'leave ']);
  t.deepEqual(await access(good), ['', 'a', 'b']);
});

const fields = [
  'type',
  'size',
  'first marker',
  'distance of the appendix',
  'size of the appendix',
  'tail marker',
  'distance of the root',
  'size in the tail row',
];

for (const [i, field] of fields.entries()) {
  test(`a closing table with another ${field} is refused`, async (t) => {
    const at = closing + 8 * i;
    for (const value of wrongValues(at)) await refuses(t, changed(at, value), both('PXAR_APPENDIX'));
  });
}

test('a closing table that leads to another place is refused', async (t) => {
  const size = closing - appendix;
  for (let start = 0; start <= closing; start++) {
    if (start === appendix) continue;
    const bytes = Buffer.concat([good.subarray(0, closing), closingTable(closing, closing - start)]);
    const isBehind = start > appendix || start <= 24;
    await refuses(t, bytes, [isBehind ? 'PXAR_APPENDIX' : 'PXAR_EOF', 'PXAR_APPENDIX']);
  }
  const beyond = Buffer.concat([good.subarray(0, closing), closingTable(closing, closing + 1)]);
  await refuses(t, beyond, both('PXAR_APPENDIX'));
  t.is(size, 16 + CONTENT.length);
});

test('an APPENDIX header with another type or size is refused, behind the entries of the tree', async (t) => {
  for (const at of [appendix, appendix + 8]) {
    for (const value of wrongValues(at)) {
      const bytes = changed(at, value);
      await refuses(t, bytes, both('PXAR_APPENDIX'));
      const seen: string[] = [];
      await t.throwsAsync(decode(bytes, {}, seen), { code: 'PXAR_APPENDIX' });
      t.deepEqual(seen, ['directory ', 'file a', 'file b']);
    }
  }
});

test('a reference of another type or length is refused', async (t) => {
  for (const value of wrongValues(reference)) await refuses(t, changed(reference, value), both('PXAR_ITEM'));
  for (const size of [0n, 15n]) await refuses(t, changed(reference + 8, size), both('PXAR_HEADER'));
  for (const size of [16n, 31n, 33n, 1n << 53n, (1n << 64n) - 1n])
    await refuses(t, changed(reference + 8, size), both('PXAR_ITEM_SIZE'));
});

test('a reference outside the appendix is refused', async (t) => {
  const [offset, size] = [reference + 16, reference + 24];
  for (const value of [4n, 5n, 100n, 1n << 40n])
    await refuses(t, changed(offset, value), both('PXAR_APPENDIX'));
  for (const value of [3n, 4n, 1n << 40n]) await refuses(t, changed(size, value), both('PXAR_APPENDIX'));
  for (const at of [offset, size])
    for (const value of [(1n << 53n) - 1n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n])
      await refuses(t, changed(at, value), both('PXAR_RANGE'));
});

test('a reference to another place in the appendix leads to no PAYLOAD header of its size', async (t) => {
  for (const [at, value] of [
    [reference + 16, 2n],
    [reference + 16, 0n],
    [reference + 24, 1n],
    [reference + 24, 0n],
  ] as const) {
    const bytes = changed(at, value);
    const decoder = new PxarDecoder(bufferSource(bytes), { archive: ARCHIVE });
    const file = (await decoder.nextBatch(2))[1];
    const { payloadOffset: position, size } = file?.kind === 'file' ? file : t.fail('no file');
    const header = bytes.subarray(position, position + 16);
    t.throws(() => checkPayloadHeader(header, size, { archive: ARCHIVE, position }), {
      instanceOf: PxarError,
    });
  }
});

test('every truncation is refused', async (t) => {
  for (let length = 0; length < good.length; length++) {
    const bytes = good.subarray(0, length);
    const code = length < 40 ? 'PXAR_EOF' : 'PXAR_APPENDIX';
    await refuses(t, bytes, both(code));
  }
});

test('bytes behind the closing table are refused', async (t) => {
  for (const more of [1, 24, 64])
    await refuses(t, Buffer.concat([good, Buffer.alloc(more)]), both('PXAR_APPENDIX'));
});

test('every flipped bit is refused or changes nothing but what it is in', async (t) => {
  for (let at = 0; at < good.length * 8; at++) {
    const bytes = Buffer.from(good);
    bytes[at >> 3]! ^= 1 << (at & 7);
    for (const read of [decode, access]) {
      const outcome = await read(bytes).then(
        (names) => names.length,
        (error: unknown) => error,
      );
      t.true(outcome instanceof PxarError || outcome === 4 || outcome === 3, `bit ${at}`);
    }
  }
});

/** The end of an archive whose tree is `tree`. */
function closed(tree: Buffer, between: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.concat([tree, between, item(Item.APPENDIX, CONTENT)]);
  return Buffer.concat([bytes, closingTable(bytes.length, 16 + CONTENT.length)]);
}

test('bytes between tree and appendix are refused', async (t) => {
  const tree = good.subarray(0, appendix);
  await refuses(t, closed(tree, Buffer.alloc(1)), ['PXAR_APPENDIX', 'PXAR_GOODBYE']);
  await refuses(t, closed(tree, directory([])), ['PXAR_APPENDIX', 'PXAR_GOODBYE']);
});

test('content in the tree must not reach into the appendix', async (t) => {
  const payload = reference + 32 + 18 + 56;
  t.is(good.readBigUInt64LE(payload + 8), 17n);
  const end = appendix - payload;
  await refuses(t, changed(payload + 8, BigInt(end + 1)), both('PXAR_EOF'));
});

test('the goodbye row of a file in the appendix has its own span only', async (t) => {
  const span = BigInt(18 + 56 + 32);
  for (let at = appendix - 72; at < appendix - 24; at += 24) {
    if (good.readBigUInt64LE(at + 16) !== span) continue;
    await refuses(t, changed(at + 16, span + 2n), both('PXAR_GOODBYE'));
    return;
  }
  t.fail('no row of the file');
});

test('each reference belongs to its versions', async (t) => {
  const here = [{ name: 'a', content: referredFile(3, 2) }];
  for (const bytes of [directory(here), versioned(1, here), versioned(2, here)])
    await refuses(t, bytes, both('PXAR_ITEM'));
  await refuses(t, versioned(2, here), both('PXAR_ITEM'), { payloadSize: 1000 });
  const there = Buffer.concat([entry(0o100644), item(Item.PAYLOAD_REF, u64(16, 2))]);
  await refuses(t, appended([{ name: 'a', content: there }], CONTENT), both('PXAR_ITEM'));
});

test('version 3 has no prelude', async (t) => {
  const head = Buffer.concat([HEAD, item(Item.PRELUDE, Buffer.from('{}'))]);
  await refuses(t, closed(Buffer.concat([head, directory([], head.length)])), both('PXAR_ITEM'));
});

test('an appendix does not stand inside the tree', async (t) => {
  const inside = item(Item.APPENDIX, Buffer.alloc(0));
  await refuses(t, closed(Buffer.concat([HEAD, entry(0o040755), inside])), both('PXAR_MODE'));
  const child = good.subarray(24 + 56, reference + 32);
  const tree = Buffer.concat([HEAD, entry(0o040755), child, inside]);
  await refuses(t, closed(tree), ['PXAR_ITEM', 'PXAR_GOODBYE']);
});

test('a metadata stream cannot have version 3', async (t) => {
  await refuses(t, good, both('PXAR_VERSION'), { payloadSize: 1000 });
});

test('an archive of version 3 without a closing table is refused', async (t) => {
  const root = [{ name: 'a', content: inlineFile('content') }];
  await refuses(t, versioned(3, root), both('PXAR_APPENDIX'));
  const tree = versioned(3, root);
  await refuses(t, Buffer.concat([tree, item(Item.APPENDIX, CONTENT)]), both('PXAR_APPENDIX'));
});

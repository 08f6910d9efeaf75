/** Catalogs that break the format, by name: each is refused where it is wrong. */
import test from 'ava';
import type { CatalogErrorCode } from '../../src/catalog/errors.js';
import { CatalogReader } from '../../src/catalog/reader.js';
import {
  bufferSource,
  catalogError,
  catalogOf,
  hex,
  listOf,
  NAME,
  openBytes,
  raw,
  walk,
} from './catalogs.js';

const MAGIC = '91fd60f9c46758d5';

/** A catalog of these blocks, whose root is at `root`. */
function made(blocks: string, root = 8): Buffer {
  const pointer = Buffer.alloc(8);
  pointer.writeBigUInt64LE(BigInt(root));
  return Buffer.concat([hex(MAGIC), hex(blocks), pointer]);
}

/** The block of a directory that holds these entries. */
function block(count: number, entries: string): string {
  const table = Buffer.concat([Buffer.from([count]), hex(entries)]);
  return `${Buffer.from([table.length]).toString('hex')}${table.toString('hex')}`;
}

const NINES = 'ff'.repeat(9);
const LONG = '78'.repeat(4096);

type Case = readonly [name: string, bytes: Buffer, code: CatalogErrorCode, offset: number];

const CASES: readonly Case[] = [
  ['nothing', Buffer.alloc(0), 'CATALOG_EOF', 0],
  ['only a magic', hex(MAGIC), 'CATALOG_EOF', 8],
  ['one byte less than the shortest', hex(`${MAGIC} 00 0800000000000000`), 'CATALOG_EOF', 17],
  ['another magic', hex('91fd60f9c46758d4 0100 0800000000000000'), 'CATALOG_MAGIC', 0],
  ['a root in the magic', made('0100', 7), 'CATALOG_POSITION', 10],
  ['a root in the pointer', made('0100', 9), 'CATALOG_POSITION', 10],
  ['a root far behind the end', hex(`${MAGIC} 0100 ffffffffffffffff`), 'CATALOG_POSITION', 10],
  ['a table of no length', made('0000'), 'CATALOG_TABLE', 8],
  ['a table longer than the file', made('0200'), 'CATALOG_TABLE', 8],
  ['a table of 2^53 - 1 bytes', made('ffffffffffffff0f'), 'CATALOG_TABLE', 8],
  ['a table of 2^53 bytes', made('8080808080808010'), 'CATALOG_RANGE', 8],
  ['a length of a table that does not end', made('8080'), 'CATALOG_NUMBER', 8],
  ['a length of a table of eleven bytes', made(`${'80'.repeat(10)}00`), 'CATALOG_NUMBER', 8],
  ['a number of entries that does not end in the table', made('0180'), 'CATALOG_NUMBER', 9],
  ['more entries than fit', made('0405660161'), 'CATALOG_TABLE', 9],
  ['2^53 - 1 entries', made('08ffffffffffffff0f'), 'CATALOG_TABLE', 9],
  ['a table that ends early', made(block(2, '6604616161610000')), 'CATALOG_TABLE', 18],
  ['bytes behind the last entry', made(block(1, '6c016100')), 'CATALOG_TABLE', 13],
  ['bytes in an empty directory', made('020000'), 'CATALOG_TABLE', 10],
  ['an unknown type', made(block(1, '780161')), 'CATALOG_TYPE', 10],
  ['an archive of version 2', made(`0100${block(1, '610161 02 00')}`, 10), 'CATALOG_TYPE', 12],
  ['an appendix file of version 2', made(block(1, '720161 00 00 00 00 00 00')), 'CATALOG_TYPE', 10],
  ['a name that is longer than the table', made(block(1, '6c0261')), 'CATALOG_TABLE', 10],
  ['a name of no bytes', made(block(1, '660000 00')), 'CATALOG_NAME', 10],
  ['a name of 4096 bytes', made(`84 20 01 6c 8020 ${LONG}`), 'CATALOG_NAME', 11],
  ['a name of 2^53 - 1 bytes', made(block(1, '6cffffffffffffff0f')), 'CATALOG_NAME', 10],
  ['a name of 2^64 - 1 bytes', made(block(1, `6c ${NINES}01`)), 'CATALOG_RANGE', 11],
  ['a length of a name that does not end', made(block(1, '6c8080')), 'CATALOG_NUMBER', 11],
  ['the name .', made(block(1, '6c012e')), 'CATALOG_NAME', 10],
  ['the name ..', made(block(1, '6c022e2e')), 'CATALOG_NAME', 10],
  ['a name with a slash', made(block(1, '6c03612f62')), 'CATALOG_NAME', 10],
  ['a name with a NUL', made(block(1, '6c03610062')), 'CATALOG_NAME', 10],
  ['a size that does not end', made(block(1, '66016180')), 'CATALOG_NUMBER', 13],
  ['a size of 2^53', made(block(1, '660161 8080808080808010 00')), 'CATALOG_RANGE', 13],
  ['a size of 65 bits', made(block(1, `660161 ${NINES}02 00`)), 'CATALOG_NUMBER', 13],
  ['no time', made(block(1, '66016100')), 'CATALOG_NUMBER', 14],
  ['a time of twelve bytes', made(block(1, `66016100 ${'81'.repeat(11)}00`)), 'CATALOG_NUMBER', 14],
  ['no distance', made(block(1, '640161')), 'CATALOG_NUMBER', 13],
  ['a directory in itself', made(block(1, '64016100')), 'CATALOG_POSITION', 10],
  ['a child that overlaps its parent', made(`0100${block(1, '64016101')}`, 10), 'CATALOG_POSITION', 12],
  ['a child in the magic', made(`0100${block(1, '64016103')}`, 10), 'CATALOG_POSITION', 12],
  ['a child before the file', made(`0100${block(1, '6401617f')}`, 10), 'CATALOG_POSITION', 12],
  ['a child 2^53 - 1 before', made(`0100${block(1, '640161ffffffffffffff0f')}`, 10), 'CATALOG_POSITION', 12],
  ['a child 2^63 before', made(`0100${block(1, `640161 ${'80'.repeat(9)}01`)}`, 10), 'CATALOG_RANGE', 15],
  ['one child twice', made(`0100${block(2, '64016102 64016202')}`, 10), 'CATALOG_POSITION', 16],
  [
    'children in another order',
    made(`0100 0100${block(2, '64016102 64016204')}`, 12),
    'CATALOG_POSITION',
    18,
  ],
];

/** What shows only when more than one directory is read. */
const WALKED: readonly Case[] = [
  [
    'a child that does not end before its parent',
    made(`0200${block(1, '64016102')}`, 10),
    'CATALOG_TABLE',
    8,
  ],
  [
    'a child in the block of the child before',
    made(`05016c0278 78${block(2, '64016106 64016204')}`, 14),
    'CATALOG_POSITION',
    20,
  ],
  [
    'a child of two directories',
    made(`0100 ${block(1, '64017802')} ${block(1, '64017908')} ${block(2, '6401610c 64016206')}`, 22),
    'CATALOG_POSITION',
    18,
  ],
];

test('each damage is refused with its code and where it is', async (t) => {
  for (const [name, bytes, code, offset] of [...CASES, ...WALKED]) {
    const error = await catalogError(() => walk(bytes));
    t.is(error?.code, code, `${name}: ${error?.message}`);
    t.is(error?.offset, offset, `${name}: ${error?.message}`);
    t.is(error?.archive, NAME, name);
    t.true(error?.message.startsWith(`${NAME}: at byte ${offset}: `), name);
  }
});

test('a listing refuses what a walk refuses', async (t) => {
  for (const [name, bytes, code] of CASES) {
    const error = await catalogError(async () => {
      const reader = await openBytes(bytes);
      await listOf(reader, reader.root);
    });
    t.is(error?.code, code, name);
  }
});

/** Twenty-five directories, each of which names the one before twice: 2^25 paths. */
function doubled(): Buffer {
  const empty = '0100';
  const levels = Array.from({ length: 25 }, (_, i) =>
    block(2, i === 0 ? '64016102 64016202' : '6401610a 6401620a'),
  );
  return made(empty + levels.join(''), 10 + 24 * 10);
}

test('a block that is part of two directories is refused before it is read twice', async (t) => {
  const source = bufferSource(doubled());
  const reader = await CatalogReader.open(source, NAME);
  const seen: unknown[] = [];
  const error = await catalogError(async () => {
    for await (const entry of reader.walk()) seen.push(entry);
  });
  t.is(error?.code, 'CATALOG_POSITION');
  t.is(seen.length, 25);
});

test('a source that gives less than asked is told', async (t) => {
  const bytes = catalogOf((writer) => {
    writer.startDirectory(raw('r'));
    writer.endDirectory();
  });
  const short = {
    size: bytes.length,
    read: (offset: number, length: number) => Promise.resolve(bytes.subarray(offset, offset + length - 1)),
  };
  t.is((await catalogError(() => CatalogReader.open(short, NAME)))?.code, 'CATALOG_EOF');
});

test('a huge block is not read as a whole', async (t) => {
  const size = 2 ** 50;
  let longest = 0;
  const source = {
    size,
    read: (offset: number, wanted: number) => {
      longest = Math.max(longest, wanted);
      const bytes = Buffer.alloc(wanted);
      if (offset === 0) {
        hex(MAGIC).copy(bytes);
        // 2^49 bytes of table, 2^40 entries, the first of them a link.
        hex('80808080808080 01 808080808020 6c0161').copy(bytes, 8);
      }
      if (offset + wanted === size) bytes.writeBigUInt64LE(8n, wanted - 8);
      return Promise.resolve(bytes);
    },
  };
  const reader = await CatalogReader.open(source, NAME);
  const seen: string[] = [];
  const error = await catalogError(async () => {
    for await (const entry of reader.list(reader.root)) seen.push(entry.name.toString());
  });
  t.deepEqual(seen, ['a']);
  t.is(error?.code, 'CATALOG_NAME');
  t.true(longest <= 80 * 1024, `${longest}`);
});

test('a directory that begins in the block of the one before is refused by who looked into that', async (t) => {
  const bytes = made(`${block(1, '6c05 04016c0161')}${block(2, '64016109 64016205')}`, 17);
  t.is((await catalogError(() => walk(bytes)))?.code, 'CATALOG_POSITION');
  const reader = await openBytes(bytes);
  t.is((await listOf(reader, reader.root)).length, 2);
  const error = await catalogError(async () => {
    for await (const entry of reader.list(reader.root))
      if (entry.type === 'd') await listOf(reader, entry.directory);
  });
  t.is(error?.code, 'CATALOG_POSITION');
  t.is(error?.offset, 23);
});

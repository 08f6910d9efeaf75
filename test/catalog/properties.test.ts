/** Random trees come back as they were written; random damage is refused or harmless, and never expensive. */
import test from 'ava';
import fc from 'fast-check';
import type { CatalogEntry } from '../../src/catalog/entry.js';
import type { OtherType } from '../../src/catalog/format.js';
import { CatalogReader } from '../../src/catalog/reader.js';
import type { CatalogWriter } from '../../src/catalog/writer.js';
import { bufferSource, catalogError, catalogOf, hex, listOf, NAME, openBytes, walk } from './catalogs.js';

type Node =
  | { readonly type: 'd'; readonly name: Buffer; readonly children: readonly Node[] }
  | { readonly type: 'f'; readonly name: Buffer; readonly size: number; readonly mtime: number | bigint }
  | { readonly type: OtherType; readonly name: Buffer };

const name = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x78 : byte))))
  .filter((bytes) => !/^\.\.?$/.test(bytes.toString('latin1')));

const mtime = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc
    .bigInt(-(2n ** 63n), 2n ** 63n - 1n)
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value)),
);

const size = fc.oneof(fc.nat(), fc.maxSafeNat());
const otherType = fc.constantFrom<OtherType[]>('l', 'h', 'b', 'c', 'p', 's');

const { directory } = fc.letrec<{ node: Node; directory: Node & { readonly type: 'd' } }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ type: otherType, name }),
    fc.record({ type: fc.constant('f' as const), name, size, mtime }),
    tie('directory'),
  ),
  directory: fc.record({
    type: fc.constant('d' as const),
    name,
    children: fc.array(tie('node'), { maxLength: 8, depthIdentifier: 'catalog' }),
  }),
}));

const trees = fc.array(directory, { maxLength: 4 });

function write(writer: CatalogWriter, nodes: readonly Node[]): void {
  for (const entry of nodes) {
    if (entry.type === 'f') writer.file(entry.name, entry.size, entry.mtime);
    else if (entry.type === 'd') {
      writer.startDirectory(entry.name);
      write(writer, entry.children);
      writer.endDirectory();
    } else writer.other(entry.type, entry.name);
  }
}

interface Plain {
  readonly depth: number;
  readonly type: string;
  readonly name: Buffer;
  readonly size: number | undefined;
  readonly mtime: number | bigint | undefined;
}

function plain(depth: number, entry: CatalogEntry | Node): Plain {
  const file = entry.type === 'f' ? entry : undefined;
  return { depth, type: entry.type, name: entry.name, size: file?.size, mtime: file?.mtime };
}

function flattened(nodes: readonly Node[], depth = 0): Plain[] {
  return nodes.flatMap((entry) => [
    plain(depth, entry),
    ...(entry.type === 'd' ? flattened(entry.children, depth + 1) : []),
  ]);
}

test('a tree comes back as it was written', async (t) => {
  await fc.assert(
    fc.asyncProperty(trees, async (tree) => {
      const found = await walk(catalogOf((writer) => write(writer, tree)));
      t.deepEqual(
        found.map(({ depth, entry }) => plain(depth, entry)),
        flattened(tree),
      );
    }),
    { numRuns: 300 },
  );
});

test('listing directories one by one gives the tree, too', async (t) => {
  async function listed(
    reader: CatalogReader,
    place: CatalogReader['root'],
    depth: number,
  ): Promise<Plain[]> {
    const all: Plain[] = [];
    for (const entry of await listOf(reader, place)) {
      all.push(plain(depth, entry));
      if (entry.type === 'd') all.push(...(await listed(reader, entry.directory, depth + 1)));
    }
    return all;
  }
  await fc.assert(
    fc.asyncProperty(trees, async (tree) => {
      const reader = await openBytes(catalogOf((writer) => write(writer, tree)));
      t.deepEqual(await listed(reader, reader.root, 0), flattened(tree));
    }),
    { numRuns: 100 },
  );
});

const PAGE = 80 * 1024;

/** Reads all of a catalog that may be damaged: what it costs must not depend on what is in it. */
async function survives(bytes: Buffer): Promise<boolean> {
  const source = bufferSource(bytes);
  let seen = 0;
  await catalogError(async () => {
    const reader = await CatalogReader.open(source, NAME);
    for await (const { entry } of reader.walk()) {
      seen++;
      if (seen % 8 === 0) await catalogError(() => reader.find([entry.name, entry.name]));
    }
  });
  return seen * 3 <= bytes.length && source.given <= bytes.length + PAGE;
}

const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });

test('a catalog with some bytes changed is read or refused', async (t) => {
  await fc.assert(
    fc.asyncProperty(trees, edits, async (tree, changes) => {
      const bytes = catalogOf((writer) => write(writer, tree));
      for (const [at, value] of changes) bytes.writeUInt8(value, at % bytes.length);
      t.true(await survives(bytes));
    }),
    { numRuns: 2000 },
  );
});

test('a catalog of any bytes is read or refused', async (t) => {
  const version = fc.constantFrom('91fd60f9c46758d5', 'ccdf18d3bb7db7e2');
  // Bytes of the format and small numbers, so that some of it makes sense.
  const byte = fc.oneof(fc.nat(255), fc.nat(8), fc.constantFrom(...Buffer.from('dflhbcpsar')));
  const body = fc.array(byte, { minLength: 2, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(version, body, fc.nat(), async (magic, content, root) => {
      const pointer = Buffer.alloc(8);
      pointer.writeUInt32LE(8 + (root % content.length));
      t.true(await survives(Buffer.concat([hex(magic), Buffer.from(content), pointer])));
    }),
    { numRuns: 3000 },
  );
});

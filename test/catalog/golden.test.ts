/** Catalogs that the reference client wrote, and the one that the specification spells out. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { z } from 'zod';
import type { CatalogWriter } from '../../src/catalog/writer.js';
import { catalogOf, hex, lineOf, NAME, openBytes, raw, walk } from './catalogs.js';

/** catalog.md §6. */
const EXAMPLE = hex(`
  91fd60f9c46758d5
  0a 01 66036f6c64 ac02 8100
  13 03 660161 02 80e2cfaa06 6c016c 6403737562 0b
  12 01 640e726f6f742e707861722e64696478 14
  2700000000000000`);

test('the worked example is written byte for byte', (t) => {
  const bytes = catalogOf((writer) => {
    writer.startDirectory(raw('root.pxar.didx'));
    writer.file(raw('a'), 2, 1_700_000_000);
    writer.other('l', raw('l'));
    writer.startDirectory(raw('sub'));
    writer.file(raw('old'), 300, -1);
    writer.endDirectory();
    writer.endDirectory();
  });
  t.is(bytes.toString('hex'), EXAMPLE.toString('hex'));
  t.is(bytes.length, 66);
});

test('the worked example is read', async (t) => {
  const entries = await walk(EXAMPLE);
  t.deepEqual(entries.map(lineOf), [
    'd root.pxar.didx',
    ' f a 2 1700000000',
    ' l l',
    ' d sub',
    '  f old 300 -1',
  ]);
  const reader = await openBytes(EXAMPLE);
  t.is(reader.version, 1);
  t.is(reader.root.start, 0x27);
  t.deepEqual(
    entries.flatMap(({ entry }) => (entry.type === 'd' ? [entry.directory.start] : [])),
    [0x13, 0x08],
  );
});

const DIRECTORY = fileURLToPath(new URL('../../../test/fixtures/catalog/', import.meta.url));

const golden = z.object({
  bytes: z.number(),
  sha256: z.string(),
  root_block_at: z.number(),
  hex: z.string(),
  entries: z.array(
    z.object({
      type: z.enum(['d', 'f', 'l', 'h', 'b', 'c', 'p', 's']),
      path: z.string(),
      size: z.number().optional(),
      mtime: z.number().optional(),
    }),
  ),
});

type GoldenEntry = z.infer<typeof golden>['entries'][number];

function readGolden(file: string): z.infer<typeof golden> & { content: Buffer } {
  const found = golden.parse(JSON.parse(readFileSync(DIRECTORY + file, 'utf8')));
  return { ...found, content: Buffer.from(found.hex, 'hex') };
}

/** The walk as the fixtures have it: paths from `./` on, in hexadecimal digits. */
async function listing(bytes: Buffer): Promise<GoldenEntry[]> {
  const path: Buffer[] = [];
  return (await walk(bytes)).map(({ depth, entry }) => {
    path.length = depth;
    path.push(entry.name);
    const whole = Buffer.concat([raw('.'), ...path.flatMap((name) => [raw('/'), name])]);
    const base = { type: entry.type, path: whole.toString('hex') };
    return entry.type === 'f' ? { ...base, size: entry.size, mtime: Number(entry.mtime) } : base;
  });
}

/** Names of a path without the `.` before them. */
function namesOf({ path }: GoldenEntry): Buffer[] {
  const names = Buffer.from(path, 'hex').toString('latin1').split('/');
  return names.slice(1).map(raw);
}

function writeGolden(writer: CatalogWriter, entries: readonly GoldenEntry[]): void {
  let depth = 0;
  for (const entry of entries) {
    const names = namesOf(entry);
    for (; depth >= names.length; depth--) writer.endDirectory();
    const name = names.at(-1)!;
    if (entry.type === 'f') writer.file(name, entry.size!, entry.mtime!);
    else if (entry.type !== 'd') writer.other(entry.type, name);
    else {
      writer.startDirectory(name);
      depth++;
    }
  }
  for (; depth > 0; depth--) writer.endDirectory();
}

const files = readdirSync(DIRECTORY);

test('all catalogs of the golden datastore are there', (t) => {
  t.is(files.length, 5);
});

for (const file of files) {
  const { content, entries, sha256, root_block_at: root } = readGolden(file);

  test(`${file} is read as the reference client wrote it`, async (t) => {
    t.is(createHash('sha256').update(content).digest('hex'), sha256);
    t.is((await openBytes(content)).root.start, root);
    t.deepEqual(await listing(content), entries);
  });

  test(`${file} is written again byte for byte`, (t) => {
    const written = catalogOf((writer) => writeGolden(writer, entries));
    t.is(written.toString('hex'), content.toString('hex'));
  });

  test(`every path of ${file} is found`, async (t) => {
    const reader = await openBytes(content);
    for (const entry of entries) {
      const names = namesOf(entry);
      const found = await reader.find(names);
      t.is(found?.type, entry.type, entry.path);
      t.deepEqual(found?.name, names.at(-1), entry.path);
      t.is(await reader.find([...names, raw('nothing')]), undefined, entry.path);
    }
    t.is(await reader.find([raw('other.pxar.didx')]), undefined, NAME);
    t.is(await reader.find([]), undefined);
  });
}

/** Archives of version 3 that are not whole: a restore says so by name and makes no file of wrong contents. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { restat } from '../support/cli.js';
import { replaceStream } from '../support/replaced-stream.js';
import { makeSampleTree } from '../support/sample-tree.js';
import { readSingle, type SingleArchive } from '../support/single-archive.js';
import { singleRun } from '../support/single-run.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { type World, withWorld } from '../support/world.js';

const TREE = { directories: 4, filesEach: 5, size: 9000 };
const FILES = 20;
const ARCHIVE = 'root.pxar.didx';
const APPENDIX_REF = Buffer.from('8e4f23e0174a9b84', 'hex');
const ITEM_HEADER = 16;
const CLOSING_SIZE = 64;

/** Where things are in the archive that is damaged. */
interface Places {
  /** Positions of closing table, APPENDIX header, the third reference, the PAYLOAD header that it leads to. */
  readonly closing: number;
  readonly appendix: number;
  readonly reference: number;
  readonly payload: number;
}

function placesOf({ payload, entries }: SingleArchive): Places {
  const closing = payload.length - CLOSING_SIZE;
  const appendix = closing - Number(payload.readBigUInt64LE(closing + 24));
  let reference = -1;
  for (let i = 0; i < 3; i += 1) reference = payload.indexOf(APPENDIX_REF, reference + 1);
  const third = entries.filter(({ isReference }) => isReference)[2]!;
  return { closing, appendix, reference, payload: third.offset };
}

interface Case {
  readonly damage: (bytes: Buffer, places: Places) => Buffer | undefined;
  readonly code: 1 | 3;
  readonly said: RegExp;
}

/** Adds to the u64 at a position. */
function adding(at: (places: Places) => number, value: bigint): Case['damage'] {
  return (bytes, places) => {
    const position = at(places);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, bytes.readBigUInt64LE(position) + value), position);
    return undefined;
  };
}

const closing =
  (offset: number) =>
  (places: Places): number =>
    places.closing + offset;
const reference =
  (offset: number) =>
  (places: Places): number =>
    places.reference + offset;

/** Nothing of the archive can be trusted. */
const WHOLE = { code: 1, said: /^Error: .*root\.pxar/m } as const;
/** One file cannot. */
const ONE = { code: 3, said: /^error: "d00\/f002": /m } as const;

const CASES: Readonly<Record<string, Case>> = {
  'closing table of another type': { damage: adding(closing(0), 1n), ...WHOLE },
  'closing table of another length': { damage: adding(closing(8), 24n), ...WHOLE },
  'closing table without the appendix': { damage: adding(closing(16), 1n), ...WHOLE },
  'appendix elsewhere': { damage: adding(closing(24), 16n), ...WHOLE },
  'appendix of another size': { damage: adding(closing(32), -16n), ...WHOLE },
  'root elsewhere': { damage: adding(closing(48), 24n), ...WHOLE },
  'no closing table': { damage: (bytes) => bytes.subarray(0, -CLOSING_SIZE), ...WHOLE },
  'a byte too few': { damage: (bytes) => bytes.subarray(0, -1), ...WHOLE },
  'bytes behind it': { damage: (bytes) => Buffer.concat([bytes, Buffer.alloc(64)]), ...WHOLE },
  'nothing behind the tree': { damage: (bytes, { appendix }) => bytes.subarray(0, appendix), ...WHOLE },
  'appendix of another type': { damage: adding(({ appendix }) => appendix, 1n), ...WHOLE },
  'appendix header of another size': { damage: adding(({ appendix }) => appendix + 8, 1n), ...WHOLE },
  'version 2': { damage: adding(() => ITEM_HEADER, -1n), ...WHOLE },
  'version 4': { damage: adding(() => ITEM_HEADER, 1n), ...WHOLE },
  'reference of another type': { damage: adding(reference(0), 1n), ...WHOLE },
  'reference of another length': { damage: adding(reference(8), 8n), ...WHOLE },
  'reference behind the appendix': { damage: adding(reference(16), 2n ** 40n), ...WHOLE },
  'reference of more bytes than there are': { damage: adding(reference(24), 2n ** 40n), ...WHOLE },
  'reference to no content': { damage: adding(reference(16), 1n), ...ONE },
  'reference of a byte less': { damage: adding(reference(24), -1n), ...ONE },
  'content of another type': { damage: adding(({ payload }) => payload, 1n), ...ONE },
  'content of another size': { damage: adding(({ payload }) => payload + 8, 1n), ...ONE },
};

/** How many files were restored; each has its content. */
function trueFiles(t: ExecutionContext, { source, target }: World, what: string): number {
  if (!existsSync(target)) return 0;
  const names = readdirSync(target, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(target, name)).isFile());
  for (const name of files)
    t.true(readFileSync(join(target, name)).equals(readFileSync(join(source, name))), `${what}: ${name}`);
  return files.length;
}

/** The newest snapshot's archive is of version 3, with all contents in the appendix. */
function withAppendix(use: (world: World, archive: SingleArchive) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await singleRun(world, 1);
    await singleRun(world, 2);
    const archive = await readSingle(world.store, 'host/t');
    if (archive.version !== 3) throw new Error(`version ${archive.version}`);
    await use(world, archive);
  });
}

test('a restore ends with an error that names what is damaged', async (t) => {
  await withAppendix(async (world, archive) => {
    const places = placesOf(archive);
    for (const [what, { damage, code, said }] of Object.entries(CASES)) {
      const bytes = Buffer.from(archive.payload);
      await replaceStream(world.store, ARCHIVE, damage(bytes, places) ?? bytes);
      rmSync(world.target, { recursive: true, force: true });
      const result = await world.restore();
      t.is(result.code, code, `${what}: ${result.stderr}`);
      t.regex(result.stderr, said, what);
      t.notRegex(result.stderr, /^\s+at |undefined|\[object/m, what);
      const files = trueFiles(t, world, what);
      if (code === 3) t.is(files, FILES - 1, what);
    }
    await replaceStream(world.store, ARCHIVE, archive.payload);
    rmSync(world.target, { recursive: true, force: true });
    t.is((await world.restore()).code, 0);
    t.is(trueFiles(t, world, 'undamaged'), FILES);
  });
});

test('cat and tar refuse damaged contents, too', async (t) => {
  await withAppendix(async (world, archive) => {
    const bytes = Buffer.from(archive.payload);
    CASES['content of another size']!.damage(bytes, placesOf(archive));
    await replaceStream(world.store, ARCHIVE, bytes);
    const cat = await restat(['cat', 'host/t', 'root.pxar', 'd00/f002', '--repository', world.store]);
    t.is(cat.code, 1);
    t.is(cat.stdout, '');
    t.regex(cat.stderr, /^Error: root\.pxar\.didx: .*PAYLOAD/m);
    const tar = join(world.directory, 'out.tar');
    const words = ['restore', 'host/t', 'root.pxar', tar, '--format', 'tar', '--repository', world.store];
    const { code, stderr } = await restat(words);
    t.not(code, 0);
    t.regex(stderr, /root\.pxar|f002/);
  });
});

test('a chunk of the appendix that is missing costs the files in it', async (t) => {
  await withAppendix(async (world) => {
    const chunks = new StoredSnapshot(world.store).chunkFiles(ARCHIVE);
    rmSync(chunks[2]!);
    const { code, stderr } = await world.restore();
    t.not(code, 0);
    t.regex(stderr, new RegExp(chunks[2]!.slice(-64)));
    trueFiles(t, world, 'missing chunk');
  });
});

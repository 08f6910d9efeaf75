import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { native } from '../../src/native.js';
import type { ExtractionOptions } from '../../src/native-extract.js';
import { STAT } from '../../src/native-scan.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import type { Entry } from '../../src/pxar/entry.js';
import { archiveOf, unpackArchives } from '../pxar/fixtures.js';
import { ingest, withChunkDirectory } from '../support/chunk-store.js';
import { RecordPacker } from '../support/extraction-records.js';

const archives = unpackArchives();

/** Entries of an archive, with the path of each from the root. */
async function decode(name: string): Promise<{ path: string; entry: Entry }[]> {
  const bytes = archiveOf(archives, name);
  const source = { size: bytes.length, read: async (at: number, n: number) => bytes.subarray(at, at + n) };
  const decoder = new PxarDecoder(source, { archive: name });
  const out: { path: string; entry: Entry }[] = [];
  const open: string[] = [];
  for (let entry = await decoder.next(); entry !== undefined; entry = await decoder.next()) {
    if (entry.kind === 'leave') open.pop();
    const path = [...open, entry.name.toString('latin1')].filter((part) => part !== '').join('/');
    if (entry.kind === 'directory') open.push(entry.name.toString('latin1'));
    out.push({ path, entry });
  }
  return out;
}

/** Calls `use` with the path of a target that does not exist yet and goes away afterwards. */
async function withTarget<T>(use: (target: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'restat-extract-'));
  try {
    return await use(join(directory, 'target'));
  } finally {
    // Fails on symlinks and special files, which have no flags.
    spawnSync('chattr', ['-R', '-f', '-i', '-a', directory]);
    rmSync(directory, { recursive: true });
  }
}

/** Extracts a golden pair of archives through a chunk store. */
async function extract(
  archive: string,
  payload: string,
  options: Omit<ExtractionOptions, 'source'>,
  batch = 1 << 16,
) {
  return withChunkDirectory(async (directory) => {
    const store = directory.open();
    const { entries } = await ingest(store, archiveOf(archives, payload), { averageSize: 65536 });
    const source = new native.ChunkReader({ store, entries, cacheBytes: 1 << 20 });
    const extraction = new native.Extraction({ ...options, source });
    const packer = new RecordPacker();
    let records: Buffer[] = [];
    for (const { entry } of await decode(archive)) {
      records.push(packer.pack(entry));
      if (records.reduce((sum, { length }) => sum + length, 0) < batch) continue;
      await extraction.submit(Buffer.concat(records));
      records = [];
    }
    await extraction.submit(Buffer.concat(records));
    const summary = await extraction.finish();
    return { summary, events: extraction.takeEvents(), progress: extraction.progress() };
  });
}

/** ENTRY and attributes of everything below a directory, as a backup would encode them now. */
async function scan(target: string): Promise<Map<string, Buffer>> {
  const tree = new native.Tree(target, false, undefined);
  const bodies = new Map<string, Buffer>([['', tree.root().subarray(STAT.size)]]);
  const visit = async (id: number, path: string): Promise<void> => {
    const list = await tree.list(id, 1000);
    const count = list.readUInt32LE(0);
    const rows = Uint32Array.from({ length: count }, (_, i) => i);
    const stats = await tree.stat(id, list, rows);
    const described = await tree.describe(id, list, stats, rows);
    const names = 8 + 4 * (count + 1) + count;
    const starts = 8 + 4 * count;
    const base = starts + 4 * (count + 1);
    for (const i of rows) {
      const at = (table: number, from: Buffer): number => from.readUInt32LE(table + 4 * i);
      const name = list.subarray(names + at(8, list), names + at(12, list));
      const childPath = (path === '' ? '' : `${path}/`) + name.toString('latin1');
      bodies.set(
        childPath,
        described.subarray(base + at(starts, described), base + at(starts + 4, described)),
      );
      const stat = stats.subarray(i * STAT.size, (i + 1) * STAT.size);
      if ((stat.readUInt32LE(STAT.mode) & 0o170000) !== 0o040000) continue;
      await visit(tree.enter(id, name, stat), childPath);
    }
  };
  await visit(0, '');
  return bodies;
}

const asRoot = process.geteuid?.() === 0 ? test : test.skip;

for (const name of ['meta', 'content'] as const) {
  asRoot(`${name}: what is restored is encoded as it was in the real program's archive`, async (t) => {
    await withTarget(async (target) => {
      const { summary, events } = await extract(`${name}.mpxar`, `${name}.ppxar`, { target });
      t.deepEqual(events, []);
      t.is(summary.errors, 0);
      const bodies = await scan(target);
      const payload = archiveOf(archives, `${name}.ppxar`);
      let entries = 0;
      for (const { path, entry } of await decode(`${name}.mpxar`)) {
        if (entry.kind === 'leave') continue;
        entries++;
        const found = bodies.get(path);
        if (found === undefined) {
          t.fail(`${path} is missing`);
        } else if (entry.kind !== 'hardlink') {
          t.is(found.subarray(0, entry.body.length).toString('hex'), entry.body.toString('hex'), path);
        }
        if (entry.kind !== 'file') continue;
        const content = payload.subarray(entry.payloadOffset + 16, entry.payloadOffset + 16 + entry.size);
        const restored = readFileSync(Buffer.from(`${target}/${path}`, 'latin1'));
        t.is(sha256(restored), sha256(content), path);
      }
      t.is(bodies.size, entries);
      const { files, directories, symlinks, hardlinks, specials } = summary;
      t.is(files + directories + symlinks + hardlinks + specials, entries);
    });
  });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('one record at a time gives the same as all at once', async (t) => {
  const options = {
    ignoreOwnership: true,
    noSpecials: true,
    noSetuid: true,
    ignoreXattrs: true,
    ignoreAcls: true,
  };
  await withTarget(async (target) => {
    const single = await extract('content.mpxar', 'content.ppxar', { target, ...options }, 0);
    await withTarget(async (other) => {
      const whole = await extract('content.mpxar', 'content.ppxar', { target: other, ...options }, 1 << 30);
      t.deepEqual(single.summary, whole.summary);
      t.is(single.progress.bytes, single.summary.bytes);
      t.is(single.progress.files, single.summary.files);
    });
  });
});

test('an existing file is an error with path and code, and stays as it is', async (t) => {
  await withTarget(async (target) => {
    const file = (await decode('content.mpxar')).find(({ entry }) => entry.kind === 'file');
    t.truthy(file);
    const path = join(target, file?.path ?? '');
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'mine');
    const { summary, events } = await extract('content.mpxar', 'content.ppxar', {
      target,
      allowExistingDirs: true,
      ignoreOwnership: true,
    });
    t.is(summary.errors, 1);
    t.is(events[0]?.code, 'EEXIST');
    t.is(events[0]?.severity, 'error');
    t.is(events[0]?.path.toString(), file?.path);
    t.is(readFileSync(path, 'utf8'), 'mine');
  });
});

test('with strict the first error ends it', async (t) => {
  await withTarget(async (target) => {
    const run = withChunkDirectory(async (directory) => {
      const { entries } = await ingest(directory.open(), Buffer.alloc(64), { averageSize: 65536 });
      const source = new native.ChunkReader({ store: directory.open(), entries, cacheBytes: 0 });
      const extraction = new native.Extraction({ target, source, strict: true });
      const packer = new RecordPacker();
      const all = (await decode('content.mpxar')).map(({ entry }) => packer.pack(entry));
      await extraction.submit(Buffer.concat(all));
      await extraction.finish();
    });
    await t.throwsAsync(run, { code: 'PAYLOAD_RANGE' });
  });
});

test('an aborted extraction rejects with ABORT_ERR and leaves no temporary names', async (t) => {
  await withTarget(async (target) => {
    await withChunkDirectory(async (directory) => {
      const store = directory.open();
      const { entries } = await ingest(store, archiveOf(archives, 'content.ppxar'), { averageSize: 65536 });
      const source = new native.ChunkReader({ store, entries, cacheBytes: 0 });
      const extraction = new native.Extraction({ target, source });
      const packer = new RecordPacker();
      const all = (await decode('content.mpxar')).map(({ entry }) => packer.pack(entry));
      const submitted = extraction.submit(Buffer.concat(all)).catch(() => undefined);
      extraction.abort();
      await submitted;
      await t.throwsAsync(extraction.finish(), { code: 'ABORT_ERR' });
      await t.throwsAsync(extraction.submit(Buffer.alloc(0)), { code: 'ABORT_ERR' });
      const exists = lstatSync(target, { throwIfNoEntry: false }) !== undefined;
      const names = exists ? readdirSync(target, { recursive: true, encoding: 'utf8' }) : [];
      t.deepEqual(
        names.filter((name) => name.includes('.restat-')),
        [],
      );
    });
  });
});

test('wrong arguments are TypeErrors, and broken records are refused', async (t) => {
  t.throws(() => new native.Extraction({ target: '', source: undefined }), { instanceOf: TypeError });
  const extraction = new native.Extraction({ target: '/nonexistent/target', source: undefined });
  await t.throwsAsync(extraction.submit(Buffer.alloc(60)), { code: 'RECORD' });
  t.is((await extraction.finish()).files, 0);
  await t.throwsAsync(extraction.finish(), { code: 'FINISHED' });
});

test('a target whose parent is missing is an error with its path', async (t) => {
  const [root] = await decode('content.mpxar');
  const directory = mkdtempSync(join(tmpdir(), 'restat-extract-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const target = join(directory, 'missing/target');
  const extraction = new native.Extraction({ target, source: undefined });
  await extraction.submit(root === undefined ? Buffer.alloc(0) : new RecordPacker().pack(root.entry));
  await t.throwsAsync(extraction.finish(), { code: 'ENOENT', message: /\/missing\/target/ });
});

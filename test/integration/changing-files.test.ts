/** Files that change at an exact point of the run: named, counted, exit code 3, and never silently wrong. */
import { chmodSync, linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { restat } from '../support/cli.js';
import { type GateRule, withGate } from '../support/gate.js';
import { withLease } from '../support/lease.js';
import { isRoot, type World, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;

const LARGE = 3 * 1024 * 1024;
const summary = z.object({
  incomplete: z.boolean(),
  files: z.number(),
  warnings: z.record(z.string(), z.number()),
});

/** A rule without its path. */
type Act = GateRule extends infer R ? (R extends GateRule ? Omit<R, 'path'> : never) : never;

interface Case {
  /** Length of the file in bytes. */
  readonly size: number;
  readonly act: Act;
  readonly kind: string;
  readonly message: RegExp;
  /** Length and number of leading original bytes of what is restored; undefined: the file is not in the snapshot. */
  readonly restored: number | undefined;
}

/** A file is opened once for its metadata and once for its content. */
const CONTENT = { on: 'open', nth: 2 } as const;
const METADATA = { on: 'open', nth: 1 } as const;

const grew = /grew while it was read: cut/;
const shrank = /shrank while it was read: filled with zeros/;
const replaced = /became something else/;
const vanished = /vanished before it could be read/;

const CASES: Readonly<Record<string, Case>> = {
  'a-small-grows': {
    size: 100,
    act: { ...CONTENT, act: 'grow', size: 200 },
    kind: 'changed',
    message: grew,
    restored: 100,
  },
  'b-small-shrinks': {
    size: 100,
    act: { ...CONTENT, act: 'shrink', size: 40 },
    kind: 'changed',
    message: shrank,
    restored: 40,
  },
  'c-large-grows': {
    size: LARGE,
    act: { ...CONTENT, act: 'grow', size: LARGE + 1 },
    kind: 'changed',
    message: grew,
    restored: LARGE,
  },
  'd-large-shrinks': {
    size: LARGE,
    act: { ...CONTENT, act: 'shrink', size: 70_000 },
    kind: 'changed',
    message: shrank,
    restored: 70_000,
  },
  'e-small-vanishes': {
    size: 10,
    act: { ...METADATA, act: 'unlink' },
    kind: 'vanished',
    message: vanished,
    restored: undefined,
  },
  'f-large-vanishes': {
    size: LARGE,
    act: { ...METADATA, act: 'unlink' },
    kind: 'vanished',
    message: vanished,
    restored: undefined,
  },
  'g-small-is-touched': {
    size: 10,
    act: { ...CONTENT, act: 'touch' },
    kind: 'changed',
    message: /changed while it was read/,
    restored: 10,
  },
  'h-small-unreadable': {
    size: 10,
    act: { on: 'read', nth: 1, act: 'deny' },
    kind: 'unreadable',
    message: /permission denied/,
    restored: undefined,
  },
  'i-large-unreadable': {
    size: LARGE,
    act: { on: 'read', nth: 1, act: 'deny' },
    kind: 'unreadable',
    message: /zeros stand in/,
    restored: 0,
  },
  'j-large-not-opened': {
    size: LARGE,
    act: { ...CONTENT, act: 'deny' },
    kind: 'unreadable',
    message: /permission denied/,
    restored: undefined,
  },
  'k-not-described': {
    size: 10,
    act: { ...METADATA, act: 'deny' },
    kind: 'unreadable',
    message: /permission denied/,
    restored: undefined,
  },
  ...Object.fromEntries(
    (['dir', 'fifo', 'symlink'] as const).flatMap((what) =>
      [10, LARGE].map((size) => [
        `l-${size === 10 ? 'small' : 'large'}-becomes-${what}`,
        {
          size,
          act: { ...METADATA, act: 'become' as const, what },
          kind: 'replaced',
          message: replaced,
          restored: undefined,
        },
      ]),
    ),
  ),
};

/** Files in whose place another file is put, as programs do that write a new one and rename it: that one is stored. */
const RENAMED_OVER: Readonly<Record<string, number>> = {
  'm-large-is-replaced': LARGE,
  'm-small-is-replaced': 10,
};

function contentOf(name: string, size: number): Buffer {
  return Buffer.alloc(size, `${name}\n`);
}

/** What is restored: the bytes that were there, then zeros up to the announced size. */
function expectedBytes(name: string, { size, restored }: Case): Buffer {
  const bytes = contentOf(name, size);
  return bytes.fill(0, restored);
}

async function checkRestored(t: ExecutionContext, { target, restore }: World): Promise<void> {
  t.is((await restore()).code, 0);
  const names = Object.entries(CASES).filter(([, { restored }]) => restored !== undefined);
  t.deepEqual(await readdir(target), [
    ...names.map(([name]) => name),
    ...Object.keys(RENAMED_OVER),
    'unchanged',
  ]);
  for (const name of Object.keys(RENAMED_OVER))
    t.is(readFileSync(join(target, name), 'utf8'), 'another inode');
  for (const [name, each] of names) {
    t.true(readFileSync(join(target, name)).equals(expectedBytes(name, each)), name);
  }
}

whole(
  'files that change, vanish or cannot be read are named and counted, and the rest is stored',
  async (t) => {
    await withWorld(async (world) => {
      const rules: GateRule[] = Object.entries(CASES).map(([name, { size, act }]) => {
        const path = join(world.source, name);
        writeFileSync(path, contentOf(name, size));
        return { ...act, path };
      });
      for (const [name, size] of Object.entries(RENAMED_OVER)) {
        const path = join(world.source, name);
        writeFileSync(path, contentOf(name, size));
        rules.push({ ...METADATA, act: 'become', what: 'file', path });
      }
      writeFileSync(join(world.source, 'unchanged'), 'u');
      const result = await withGate(rules, () => world.backup(['--output-format', 'json']));
      t.is(result.code, 3, result.stderr);
      const counts: Record<string, number> = {};
      for (const [name, { kind, message }] of Object.entries(CASES)) {
        const line = result.stderr.split('\n').find((each) => each.includes(`"/${name}"`));
        t.regex(line ?? `nothing about ${name}`, message);
        counts[kind] = (counts[kind] ?? 0) + 1;
      }
      const { incomplete, warnings } = summary.parse(JSON.parse(result.stdout));
      t.true(incomplete);
      t.deepEqual(warnings, counts);
      await checkRestored(t, world);
    });
  },
);

whole('a directory that vanishes or cannot be listed is stored empty and named', async (t) => {
  await withWorld(async ({ source, target, backup, restore }) => {
    const [denied, gone] = [join(source, 'denied'), join(source, 'gone')];
    for (const path of [denied, gone, join(source, 'kept')]) {
      mkdirSync(path);
      if (path !== gone) writeFileSync(join(path, 'in'), '');
    }
    const rules: GateRule[] = [
      { path: denied, on: 'open', nth: 2, act: 'deny' },
      { path: gone, on: 'open', nth: 1, act: 'unlink' },
    ];
    const result = await withGate(rules, () => backup());
    t.is(result.code, 3, result.stderr);
    t.regex(result.stderr, /"\/denied": permission denied/);
    t.regex(result.stderr, /"\/gone": vanished/);
    t.is((await restore()).code, 0);
    t.deepEqual(await readdir(target), ['denied', 'gone', 'kept']);
    t.deepEqual(await readdir(join(target, 'denied')), []);
    t.deepEqual(await readdir(join(target, 'kept')), ['in']);
  });
});

/** Entries of the group's directory but the owner file. */
async function leftOf(store: string): Promise<string[]> {
  return (await readdir(join(store, 'host/t')).catch(() => [])).filter((name) => name !== 'owner');
}

whole('a root that cannot be listed any more ends the backup, and nothing remains', async (t) => {
  await withWorld(async ({ source, store, backup }) => {
    writeFileSync(join(source, 'file'), '');
    for (const nth of [1, 2]) {
      const result = await withGate([{ path: source, on: 'open', nth, act: 'deny' }], () => backup());
      t.is(result.code, 1, result.stderr);
      t.regex(result.stderr, /source/);
      t.deepEqual(await leftOf(store), []);
    }
  });
});

test('a source that is missing or no directory is refused', async (t) => {
  await withWorld(async ({ source, store }) => {
    writeFileSync(join(source, 'file'), '');
    for (const path of [join(source, 'missing'), join(source, 'file')]) {
      const result = await restat(['backup', `root.pxar:${path}`, '--repository', store, '--backup-id', 't']);
      t.is(result.code, 1);
      t.true(result.stderr.includes(path), result.stderr);
      t.deepEqual(await leftOf(store), []);
    }
  });
});

whole('without privileges, what must not be read is named, and the rest is stored', async (t) => {
  await withWorld(async ({ directory, source, target }) => {
    for (const name of ['secret', 'open']) {
      mkdirSync(join(source, name));
      writeFileSync(join(source, name, 'file'), name);
      writeFileSync(join(source, `${name}-file`), name);
    }
    chmodSync(join(source, 'secret'), 0o700);
    chmodSync(join(source, 'secret-file'), 0o600);
    for (const path of [directory, source]) chmodSync(path, 0o755);
    const own = join(directory, 'own');
    mkdirSync(own, { mode: 0o777 });
    chmodSync(own, 0o777);
    const wrapper = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const theirs = join(own, 'store');
    t.is((await restat(['datastore', 'create', theirs], { wrapper })).code, 0);
    const args = ['backup', `root.pxar:${source}`, '--repository', theirs, '--backup-id', 't'];
    const result = await restat(args, { wrapper });
    t.is(result.code, 3, result.stderr);
    t.regex(result.stderr, /"\/secret": permission denied/);
    t.regex(result.stderr, /"\/secret-file": permission denied/);
    t.is((await restat(['restore', 'host/t', 'root.pxar', target, '--repository', theirs])).code, 0);
    t.deepEqual(await readdir(target), ['open', 'open-file']);
  });
});

test('a file with a lease on it is read when the lease has been given up', async (t) => {
  await withWorld(async ({ source, target, backup, restore }) => {
    const path = join(source, 'leased');
    writeFileSync(path, 'content');
    const said = await withLease(path, async () => {
      const result = await backup();
      t.is(result.code, 0, result.stderr);
    });
    t.is(said, 'ready\nbroken\n');
    t.is((await restore()).code, 0);
    t.is(readFileSync(join(target, 'leased'), 'utf8'), 'content');
  });
});

whole('a file whose first name vanishes is stored under its second name', async (t) => {
  await withWorld(async ({ source, target, backup, restore }) => {
    for (const [name, size] of [
      ['small', 10],
      ['large', LARGE],
    ] as const) {
      writeFileSync(join(source, `${name}-1`), contentOf(name, size));
      linkSync(join(source, `${name}-1`), join(source, `${name}-2`));
    }
    const rules = ['small-1', 'large-1'].map(
      (name): GateRule => ({ path: join(source, name), ...METADATA, act: 'unlink' }),
    );
    const result = await withGate(rules, () => backup());
    t.is(result.code, 3, result.stderr);
    t.regex(result.stderr, /"\/small-1": vanished/);
    t.regex(result.stderr, /"\/large-1": vanished/);
    t.is((await restore()).code, 0);
    t.deepEqual(await readdir(target), ['large-2', 'small-2']);
    t.true(readFileSync(join(target, 'small-2')).equals(contentOf('small', 10)));
    t.true(readFileSync(join(target, 'large-2')).equals(contentOf('large', LARGE)));
  });
});

/**
 * No command leaves a key behind: not in its memory when it has ended, however that was, not in files, words or output. Passwords are not
 * searched for: those from the environment stay there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { pbkdf2Sync } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { KEYS, openIndependently, PASSWORD } from '../keys/vectors.js';
import { restatOk } from '../support/cli.js';
import { withGate } from '../support/gate.js';
import { goldenKey } from '../support/golden-store.js';
import {
  needlesOf,
  needlesOfSecret,
  type TracedOptions,
  traced,
  tracesInFiles,
  unnamedFiles,
} from '../support/key-traces.js';
import { fillTree, type TestKey, testKey } from '../support/keyed-world.js';
import { memoryBarrier, Search, scanMemory } from '../support/memory-scan.js';
import { withServed } from '../support/served.js';
import { isRoot, withTemporaryDirectory } from '../support/world.js';

const KEEPER = new URL('../support/key-traces-keeper.js', import.meta.url).href;
const WITH_PASSWORD = { PBS_ENCRYPTION_PASSWORD: PASSWORD };

/** Why nobody may look into the memory of a process that is his. */
function barrier(): string | undefined {
  const child = spawn('cat');
  try {
    return memoryBarrier(child.pid!);
  } finally {
    child.kill();
  }
}

const NO_MEMORY = barrier();
const scanned: typeof test | typeof test.skip = NO_MEMORY === undefined ? test : test.skip;
if (NO_MEMORY !== undefined) test.skip(`memory cannot be read here: ${NO_MEMORY}`, (t) => t.pass());

interface TracedWorld {
  readonly directory: string;
  readonly source: string;
  readonly store: string;
  readonly key: TestKey;
  readonly search: Search;
  /** `restat ARGS…` with all its files in the directory; ends with `code` and has left nothing of the key. Its output. */
  run(args: readonly string[], options?: TracedOptions & { readonly code?: number }): Promise<string>;
  /** The same with the options of a backup into group host/t. */
  backup(args: readonly string[], options?: TracedOptions & { readonly code?: number }): Promise<string>;
}

/** Calls `use` with a tree of some 20 chunks; nothing may be left in files afterwards. `key` is made unless it is given. */
function withTraces(
  t: ExecutionContext,
  use: (world: TracedWorld) => Promise<void>,
  given?: TestKey & { readonly search: Search },
): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const [source, store, home] = ['source', 'store', 'home'].map((name) => join(directory, name));
    const key = given ?? testKey(directory, 'key');
    const search = given?.search ?? new Search(needlesOfSecret(key.secret));
    for (const each of [source!, home!]) mkdirSync(each);
    fillTree(source!);
    await restatOk(['datastore', 'create', store!]);
    const places = [
      'HOME',
      'TMPDIR',
      'XDG_CACHE_HOME',
      'XDG_CONFIG_HOME',
      'XDG_STATE_HOME',
      'XDG_RUNTIME_DIR',
    ];
    const own = { RESTAT_DEBUG: '1', ...Object.fromEntries(places.map((name) => [name, home!])) };
    const run: TracedWorld['run'] = async (args, { code = 0, env, ...options } = {}) => {
      const result = await traced(args, () => search, { ...options, env: { ...own, ...env } });
      t.is(result.code, code, `${args.join(' ')}: ${result.output}`);
      t.deepEqual(result.found, [], args.join(' '));
      return result.output;
    };
    const where = ['--repository', store!, '--backup-id', 't', '--sync', 'none', '--chunk-size', '64'];
    const backup: TracedWorld['backup'] = (args, options) =>
      run(['backup', `root.pxar:${source!}`, ...args, ...where], options);
    await use({ directory, source: source!, store: store!, key, search, run, backup });
    t.deepEqual(tracesInFiles(directory, search, [key.path]), []);
  });
}

for (const [as, found] of [
  ['bytes', /^secret as bytes, part 0 at [0-9a-f]+ in rw-p\b/m],
  ['half', /^secret as bytes, part 3 at /m],
  ['hex', /^secret as hex, part 2 at /m],
  ['pad', /^secret as pad 54, part 1 at /m],
] as const)
  scanned(`a key that a program keeps as ${as} is found`, (t) =>
    withTemporaryDirectory(async (directory) => {
      const { path, secret } = testKey(directory, 'key');
      const env = { KEPT_FILE: path, KEPT_AS: as };
      const search = new Search(needlesOfSecret(secret));
      const kept = await traced(['version'], () => search, { imports: [KEEPER], env });
      t.is(kept.code, 0, kept.output);
      t.regex(kept.found.join('\n'), found);
    }),
  );

scanned('backups leave nothing of their key', (t) =>
  withTraces(t, async ({ key, backup }) => {
    const first = await backup([...key.options, '--output-format', 'json', '--progress', 'json']);
    t.regex(first, /"new-chunks":2\d,/);
    const metadata = ['--change-detection-mode', 'metadata'];
    const later = (hours: number) => ({ RESTAT_CLOCK_OFFSET: String(hours * 3600) });
    await backup([...key.options, ...metadata], { env: later(1) });
    const master = ['--master-pubkey-file', goldenKey('master-public.pem')];
    await backup([...key.options, ...metadata, ...master, '--verbose'], { env: later(2) });
    const signing = { descriptor: key.path, env: later(3) };
    await backup(['--keyfd', '4', '--crypt-mode', 'sign-only'], signing);
  }),
);

scanned('commands that read leave nothing of their key', (t) =>
  withTraces(t, async ({ directory, store, key, source, run }) => {
    const where = ['--repository', store];
    const words = ['backup', `root.pxar:${source}`, '--backup-id', 't', '--chunk-size', '64'];
    const time = ['--backup-time', '1767225600'];
    await restatOk([...words, ...time, ...where, ...key.options, '--sync', 'none']);
    const target = join(directory, 'target');
    await run(['restore', 'host/t', 'root.pxar', target, ...where, ...key.options]);
    await run(['ls', 'host/t', 'root.pxar', ...where, '--keyfd', '4'], { descriptor: key.path });
    t.regex(await run(['cat', 'host/t', 'root.pxar', 'small3', ...where, ...key.options]), /text 3 /);
    const log = ['host/t/2026-01-01T00:00:00Z', join(source, 'small1')];
    await run(['snapshot', 'upload-log', ...log, ...where, ...key.options]);
    t.regex(await run(['find', 'small3', '--group', 'host/t', ...where, ...key.options]), /small3/);
    await run(['key', 'show', key.path]);
    const { path } = testKey(directory, 'other');
    const wrong = ['restore', 'host/t', 'root.pxar', `${target}.2`, ...where, '--keyfile', path];
    t.regex(await run(wrong, { code: 1 }), /wrong key/);
    unlinkSync(path);
  }),
);

const LOCKED = KEYS.find(({ kdf }) => kdf === 'pbkdf2')!;

/** Everything to look for in a key file with a password. */
function searchLocked(json: string): { readonly secret: Buffer; readonly search: Search } {
  const { file, secret } = openIndependently(json, PASSWORD);
  const needles = needlesOfSecret(Buffer.from(secret, 'hex'));
  if (file.kdf !== null && 'PBKDF2' in file.kdf) {
    const { iter, salt } = file.kdf.PBKDF2;
    const derived = pbkdf2Sync(PASSWORD, Buffer.from(salt, 'base64'), iter, 32, 'sha256');
    needles.push(...needlesOf('derived key', derived));
  }
  return { secret: Buffer.from(secret, 'hex'), search: new Search(needles) };
}

scanned('a key with a password leaves nothing, and neither does what the password opens it with', (t) => {
  const path = goldenKey(LOCKED.file);
  const locked = { ...searchLocked(LOCKED.bytes.toString()), path, options: ['--keyfile', path] };
  const use = async ({ directory, store, run, backup }: TracedWorld): Promise<void> => {
    await backup(locked.options, { env: WITH_PASSWORD });
    const cat = ['cat', 'host/t', 'root.pxar', 'small3', '--repository', store, '--keyfd', '4'];
    await run(cat, { env: WITH_PASSWORD, descriptor: path });
    await run(cat, { env: { PBS_ENCRYPTION_PASSWORD: 'wrong' }, descriptor: path, code: 1 });
    const copy = join(directory, 'opened.json');
    cpSync(path, copy);
    await run(['key', 'change-passphrase', copy, '--kdf', 'none'], { env: WITH_PASSWORD });
    t.is(openIndependently(readFileSync(copy, 'utf8'), '').secret, LOCKED.enc_key);
    unlinkSync(copy);
  };
  return withTraces(t, use, locked);
});

for (const kdf of ['none', 'pbkdf2'])
  scanned(`a key that is made with kdf ${kdf} is nowhere but in its file`, (t) =>
    withTemporaryDirectory(async (directory) => {
      const path = join(directory, 'new.json');
      const env = { ...WITH_PASSWORD, TMPDIR: directory };
      const search = (): Search => searchLocked(readFileSync(path, 'utf8')).search;
      const { code, output, found } = await traced(['key', 'create', path, '--kdf', kdf], search, { env });
      t.is(code, 0, output);
      t.deepEqual(found, []);
      t.deepEqual(tracesInFiles(directory, search(), [path]), []);
    }),
  );

scanned('a backup that fails in the middle leaves nothing of its key', (t) =>
  withTraces(t, async ({ key, backup }) => {
    const command = 'head -c 300000 /dev/zero; exit 7';
    const output = await backup(['late.img:-', '--stdin-command', command, ...key.options], { code: 1 });
    t.regex(output, /Backing up directory [\s\S]*Backing up the output of a command [\s\S]*exit code 7/);
  }),
);

(isRoot ? scanned : test.skip)(
  'a backup that is interrupted leaves nothing, and has nothing in its files',
  (t) =>
    withTraces(t, async ({ directory, source, key, search, backup }) => {
      await backup(key.options);
      const [file, until] = [join(source, 'large', 'noise3'), join(directory, 'until')];
      utimesSync(file, new Date(), new Date());
      const look = async (child: ChildProcess): Promise<void> => {
        // The old metadata, which the run compares with while the gate holds it.
        const contents = (): Buffer[] => unnamedFiles(child.pid!).map((path) => readFileSync(path));
        while (contents().every(({ length }) => length === 0)) await wait(5);
        t.deepEqual(
          contents().flatMap((content) => search.namesIn(content)),
          [],
        );
        // Nobody can open the file at the gate.
        t.deepEqual(tracesInFiles(directory, search, [key.path, file]), []);
        child.kill('SIGINT');
      };
      const during = (child: ChildProcess): Promise<void> =>
        look(child).finally(() => writeFileSync(until, ''));
      const env = { RESTAT_CLOCK_OFFSET: '3600' };
      const metadata = ['--change-detection-mode', 'metadata', ...key.options];
      await withGate([{ path: file, on: 'open', nth: 1, act: 'hold', until }], () =>
        backup(metadata, { env, during, code: 130 }),
      );
    }),
);

scanned('a server never has the key, and who talks to it leaves nothing of it', (t) =>
  withTraces(t, async ({ directory, source, store, key, search, run }) => {
    const state = join(directory, 'state');
    mkdirSync(state, { mode: 0o700 });
    await withServed(store, state, async ({ process: { pid }, repository, env }) => {
      const where = ['--repository', repository, ...key.options];
      const words = ['backup', `root.pxar:${source}`, '--backup-id', 't', '--chunk-size', '64', ...where];
      await run(words, { env });
      const later = { ...env, RESTAT_CLOCK_OFFSET: '3600' };
      await run([...words, '--change-detection-mode', 'metadata'], { env: later });
      await run(['restore', 'host/t', 'root.pxar', join(directory, 'target'), ...where], { env });
      t.deepEqual(await scanMemory(pid!, search), []);
    });
  }),
);

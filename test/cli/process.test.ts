/** How the program behaves as a process: help, closed pipes, signals, JSON lines. */
import { execFile } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { z } from 'zod';
import { Interruption, stopAtSignals } from '../../src/cli/interruption.js';
import { VERSION } from '../../src/cli/version.js';
import { native } from '../../src/native.js';
import { type Running, restat, restatOk, startRestat } from '../support/cli.js';
import { withTemporaryDirectory, withWorld } from '../support/world.js';

const PROGRAM = fileURLToPath(new URL('../../../dist/restat.js', import.meta.url));
const shell = (script: string) => promisify(execFile)('bash', ['-c', script]);

test('help is on standard output and ends with 0', async (t) => {
  const { stdout } = await restatOk(['--help']);
  t.regex(stdout, /Usage: restat COMMAND/);
  for (const words of [['help'], ['-h']]) t.is((await restatOk(words)).stdout, stdout);
  const backup = (await restatOk(['backup', '--help'])).stdout;
  t.regex(backup, /^Usage: restat backup <backupspec…> \[OPTIONS\]\n/);
  t.regex(backup, /\n --exclude <PATTERN>\n/);
  t.regex(backup, /\n --sync filesystem\|file\|none {3}\(default=filesystem\)\n/);
  for (const words of [
    ['help', 'backup'],
    ['help', 'back'],
    ['backup', 'a.pxar:/a', '--ns', 'x', '--help'],
  ]) {
    t.is((await restatOk(words)).stdout, backup);
  }
  t.regex((await restatOk(['help', 'snapshot'])).stdout, /snapshot files .*\n {2}snapshot forget /);
  t.regex((await restatOk(['help', 'files'])).stdout, /Also: restat files$/m);
});

test('without a command the list of commands is a usage error', async (t) => {
  const { code, stdout, stderr } = await restat([]);
  t.deepEqual([code, stdout], [2, '']);
  t.regex(stderr, /Possible commands: backup, benchmark, cat, catalog, .*, version\n/);
});

test('the version is that of the package', async (t) => {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  t.is(z.object({ version: z.string() }).parse(JSON.parse(text)).version, VERSION);
  t.is((await restatOk(['--version'])).stdout, `client version: ${VERSION}\n`);
});

test('a reader that goes away ends the program quietly', async (t) => {
  await withWorld(async ({ source, store, backup }) => {
    const names = Array.from({ length: 20_000 }, (_, i) => `a-file-with-a-rather-long-name-${i}`);
    for (const name of names) closeSync(openSync(join(source, name), 'w'));
    t.is((await backup()).code, 0);
    const [snapshot] = await readdir(join(store, 'host/t')).then((all) =>
      all.filter((name) => name.endsWith('Z')),
    );
    const dump = `node ${PROGRAM} catalog dump host/t/${snapshot} --repository ${store}`;
    const { stdout, stderr } = await shell(`${dump} | head -1; echo "\${PIPESTATUS[@]}"`);
    t.regex(stdout, /^. "\.\/root\.mpxar\.didx.*\n1 0\n$/);
    t.is(stderr, '');
  });
});

test('a backup goes on when nobody reads its messages', async (t) => {
  await withWorld(async ({ source, store }) => {
    await writeFile(join(source, 'file'), 'content');
    const line = `node ${PROGRAM} backup root.pxar:${source} --backup-id t --repository ${store} --sync none`;
    const { stdout } = await shell(`${line} 2> >(exec 0<&-; exit) ; echo $?`);
    t.is(stdout, '0\n');
    t.regex(
      (await restatOk(['list', '--repository', store, '--output-format', 'json'])).stdout,
      /"backup-count":1,/,
    );
  });
});

/** Waits until the process holds the file open. */
async function untilOpen(pid: number, path: string): Promise<void> {
  const directory = `/proc/${pid}/fd`;
  for (;;) {
    const links = await Promise.all(
      (await readdir(directory)).map((fd) => readlink(join(directory, fd)).catch(() => '')),
    );
    if (links.includes(path)) return;
    await sleep(10);
  }
}

/** Starts a backup of a group that is locked, and calls `use` when it waits. */
async function withWaitingBackup(
  use: (running: Running, store: string) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await withWorld(async ({ source, store, backup }) => {
    await backup(['--backup-time', '5']);
    const locks = join(store, '.restat/locks');
    const [name] = (await readdir(locks, { recursive: true })).filter((path) => path.endsWith('host-t'));
    const lock = openSync(join(locks, name!), 'r+');
    try {
      native.tryLock(lock, 'flock', true);
      const words = ['backup', `root.pxar:${source}`, '--backup-id', 't', '--repository', store];
      const running = startRestat(words, { env });
      await untilOpen(running.process.pid!, join(store, '.lock'));
      await use(running, store);
    } finally {
      closeSync(lock);
    }
  });
}

test('an interrupt while waiting for a lock ends with 130 and leaves nothing', async (t) => {
  await withWaitingBackup(async ({ process: child, result }, store) => {
    child.kill('SIGINT');
    const { code, stderr } = await result;
    t.deepEqual([code, stderr], [130, 'Interrupted.\n']);
    t.deepEqual((await readdir(join(store, 'host/t'))).sort(), ['1970-01-01T00:00:05Z', 'owner']);
  });
});

test('a rejection that nobody handles ends with 1 and a message', async (t) => {
  await withTemporaryDirectory(async (directory) => {
    const stray = join(directory, 'stray.mjs');
    await writeFile(stray, "process.once('SIGUSR2', () => void Promise.reject(new Error('stray')));\n");
    await withWaitingBackup(
      async ({ process: child, result }) => {
        child.kill('SIGUSR2');
        const { code, stderr } = await result;
        t.deepEqual([code, stderr], [1, 'Error: stray\n']);
      },
      { NODE_OPTIONS: `--import=${stray}` },
    );
  });
});

test('the second signal finds no listener and kills at once', (t) => {
  const source = new EventEmitter();
  const controller = new AbortController();
  stopAtSignals(source, controller);
  source.emit('SIGINT');
  t.true(controller.signal.reason instanceof Interruption);
  t.is(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM'), 0);
});

const known = z.number().nullable();

const line = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('progress'),
    archive: z.string(),
    bytes: z.number(),
    'total-bytes': known,
    files: z.number(),
    'total-files': known,
    percent: known,
    'bytes-per-second': z.number(),
    'seconds-left': known,
    seconds: z.number(),
    path: z.string(),
  }),
  z.strictObject({ type: z.literal('message'), text: z.string() }),
  z.strictObject({ type: z.literal('entry'), kind: z.string(), path: z.string(), message: z.string() }),
  z.object({ type: z.literal('summary'), snapshot: z.string(), files: z.number() }),
  z.strictObject({
    type: z.literal('error'),
    code: z.string(),
    message: z.string(),
    causes: z.array(z.string()),
  }),
]);

function lines(stderr: string): z.infer<typeof line>[] {
  return stderr
    .trimEnd()
    .split('\n')
    .map((text) => line.parse(JSON.parse(text)));
}

test('with --progress json standard error is one object a line, the last one the summary', async (t) => {
  await withWorld(async ({ source, backup, restore }) => {
    await mkdir(join(source, 'marked'));
    await writeFile(join(source, '.pxarexclude'), '[bad\n');
    const { code, stdout, stderr } = await backup(['--progress', 'json', '--output-format', 'json']);
    t.is(code, 0);
    // How often progress shows is a matter of time.
    const said = lines(stderr).filter(({ type }) => type !== 'progress');
    t.deepEqual(
      said.map(({ type }) => type),
      ['message', 'message', 'message', 'entry', 'summary'],
    );
    t.like(said[3], { kind: 'bad pattern', path: '/.pxarexclude' });
    t.deepEqual({ type: 'summary', ...JSON.parse(stdout) }, JSON.parse(stderr.trimEnd().split('\n').at(-1)!));
    const restored = await restore(['--progress', 'json', '--output-format', 'json']);
    const last = restored.stderr.trimEnd().split('\n').at(-1)!;
    t.deepEqual({ type: 'summary', ...JSON.parse(restored.stdout) }, JSON.parse(last));
  });
});

test('with --progress json an error is the last object', async (t) => {
  await withTemporaryDirectory(async (directory) => {
    mkdirSync(join(directory, 'empty'));
    const words = [
      'restore',
      'host/t',
      'root.pxar',
      'x',
      '--repository',
      join(directory, 'empty'),
      '--progress',
      'json',
    ];
    const { code, stderr } = await restat(words);
    t.is(code, 1);
    t.like(lines(stderr).at(-1), { type: 'error', code: 'REPOSITORY_MISSING' });
  });
});

/** `catalog shell`, with lines from a pipe and from a terminal. */
import { execFile } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { decodeIndex } from '../../src/snapshot/archive-index.js';
import { type RunResult, restat } from '../support/cli.js';
import { withGate } from '../support/gate.js';
import { MIB, noise } from '../support/images.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { isRoot, withWorld } from '../support/world.js';

const PROGRAM = fileURLToPath(new URL('../../../dist/restat.js', import.meta.url));
const TERMINAL = fileURLToPath(new URL('../../../test/support/terminal.py', import.meta.url));
const gated = isRoot ? test : test.skip;
const TIME = 1_600_000_000;

interface ShellWorld {
  readonly directory: string;
  readonly store: string;
  /** Runs lines, one after the other. */
  run(...lines: readonly string[]): Promise<RunResult>;
}

function withShell(use: (world: ShellWorld) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    const { directory, source, store } = world;
    mkdirSync(join(source, 'd/deep'), { recursive: true });
    mkdirSync(join(source, 'two words'));
    writeFileSync(join(source, 'd/keep.txt'), 'hello', { mode: 0o644 });
    writeFileSync(join(source, 'd/deep/file'), 'deep');
    writeFileSync(join(source, "two words/it's"), '');
    symlinkSync('/d', join(source, 'link'));
    linkSync(join(source, 'd/keep.txt'), join(source, 'second'));
    utimesSync(join(source, 'd/keep.txt'), TIME, TIME);
    await world.backup();
    const script = join(directory, 'script');
    const wrapper = ['sh', '-c', `exec "$0" "$@" < '${script}'`];
    await use({
      ...{ directory, store },
      run: (...lines) => {
        writeFileSync(script, lines.map((line) => `${line}\n`).join(''));
        return restat(['catalog', 'shell', 'host/t', 'root.pxar', '--repository', store], { wrapper });
      },
    });
  });
}

/** Types at a terminal what each step says when its text has appeared; the screen. */
async function atTerminal(steps: readonly (readonly string[])[], store: string): Promise<string> {
  const command = ['catalog', 'shell', 'host/t', 'root.pxar', '--repository', store];
  const { stdout } = await promisify(execFile)(
    'python3',
    [TERMINAL, JSON.stringify(steps), process.execPath, PROGRAM, ...command],
    { env: { ...process.env, TERM: 'xterm' } },
  );
  return stdout;
}

const START = 'Starting interactive shell\n';

test('one goes through the tree and looks at it', (t) =>
  withShell(async ({ run }) => {
    const { code, stdout, stderr } = await run(
      ...['pwd', 'ls', 'cd d', 'pwd', 'ls deep', 'stat keep.txt', 'cd ../../..', 'pwd', 'cd d', 'cd', 'pwd'],
      ...['ls link', 'cd two\\ words', 'ls "it\'s"', 'ls /second', 'exit', 'pwd'],
    );
    t.is(stderr, START);
    t.is(code, 0);
    t.deepEqual(stdout.split('\n'), [
      ...['"/"', 'd', 'link', 'second', 'two words', '"/d"', 'file'],
      '  File: /d/keep.txt',
      '  Size: 5             Type: file',
      'Access: (644/-rw-r--r--  )  Uid: 0     Gid: 0',
      'Modify: 2020-09-13 12:26:40',
      ...['"/"', '"/"', 'deep', 'keep.txt', "it's", 'second', ''],
    ]);
  }));

test('what is selected is restored, and nothing else', (t) =>
  withShell(async ({ run, directory }) => {
    const { stdout, stderr, code } = await run(
      ...['select d/deep', 'select /d/deep', 'select second', 'deselect second', 'deselect second'],
      ...[
        'find "*.txt"',
        "find '*.none' --select",
        'find keep* --select',
        'list-selected',
        'list-selected --patterns',
      ],
      ...[`restore-selected ${directory}/some`, 'clear-selected', 'list-selected'],
      ...[`restore "${directory}/all"`, `restore ${directory}/matching --pattern second`],
    );
    t.is(code, 0);
    t.deepEqual(stdout.split('\n'), [
      ...['added path: "/d/deep"', 'path already selected: "/d/deep"', 'added path: "/second"'],
      ...['removed path from selection: "/second"', 'path not selected: "/second"'],
      ...['/d/keep.txt', '/d/keep.txt', '/d/deep', '/d/deep/file', '/d/keep.txt'],
      ...['/d/deep', 'keep*', 'cleared selection', ''],
    ]);
    t.regex(stderr, /restored 2 files, 3 directories; 0 errors\n/);
    const read = (path: string): string => readFileSync(join(directory, path), 'utf8');
    t.is(read('some/d/deep/file'), 'deep');
    t.is(read('some/d/keep.txt'), 'hello');
    t.throws(() => read('some/second'), { code: 'ENOENT' });
    t.is(read("all/two words/it's"), '');
    t.is(read('matching/second'), 'hello');
  }));

test('the root is selected as a whole', (t) =>
  withShell(async ({ run, directory }) => {
    const { stderr } = await run('select /', `restore-selected ${directory}/whole`);
    t.regex(stderr, /restored 3 files, 4 directories; 0 errors\n/);
  }));

test('errors do not end it, but are not forgotten', (t) =>
  withShell(async ({ run, directory }) => {
    const { stdout, stderr, code } = await run(
      ...[
        'cd second',
        'cd link',
        'cd nothing',
        'constructor',
        'ls a b',
        'find',
        'ls --long',
        'restore-selected x',
      ],
      ...['stat "', 'restore x --pattern', `restore ${directory}/store/.lock`, 'pwd'],
    );
    t.is(stdout, '"/"\n');
    t.is(code, 1);
    const said = stderr.slice(START.length).split('\n');
    t.deepEqual(said.slice(0, 10), [
      "Error: 'second': not a directory",
      "Error: 'link': not a directory",
      "Error: '/nothing': not found",
      "Error: no such command 'constructor'; help lists them",
      'Error: usage: ls [PATH]',
      'Error: usage: find PATTERN [--select]',
      'Error: ls has no option --long',
      'Error: no entries selected',
      'Error: no closing "',
      'Error: --pattern needs a value',
    ]);
    t.true(said.length > 10);
  }));

test('nothing is overwritten', (t) =>
  withShell(async ({ run, directory }) => {
    mkdirSync(join(directory, 'there'));
    writeFileSync(join(directory, 'there/second'), 'mine');
    const { stderr } = await run(`restore ${directory}/there --pattern second`);
    t.regex(stderr, /; 1 errors\n/);
    t.is(readFileSync(join(directory, 'there/second'), 'utf8'), 'mine');
  }));

test('at a terminal there are a prompt and completion, and Ctrl-C gives up a line', (t) =>
  withShell(async ({ store }) => {
    const steps = [
      ['pxar:/ > ', 'garbage\u0003'],
      // Ctrl-A goes to the beginning of the line.
      ['pxar:/ > ', 'garbage\u0001\u0003'],
      ['pxar:/ > ', 'cd tw\t'],
      ['o\\ words/', '\r'],
      ['pxar:/two words > ', 'sel\t'],
      ['ect ', '/d/k\t'],
      ['eep.txt', '\r'],
      ['added path: "/d/keep.txt"', 'exit\r'],
    ];
    const stdout = await atTerminal(steps, store);
    t.regex(stdout, /added path: "\/d\/keep\.txt"/);
    t.notRegex(stdout, /no such command/);
  }));

test('names that a terminal would obey are not offered for completion', (t) =>
  withWorld(async ({ source, store, backup }) => {
    for (const name of ['evil\u001b[31m', 'even']) writeFileSync(join(source, name), '');
    await backup();
    const steps = [
      ['pxar:/ > ', 'select ev\t'],
      ['en', '\r'],
      ['added path: "/even"', 'exit\r'],
    ];
    const stdout = await atTerminal(steps, store);
    t.regex(stdout, /added path: "\/even"/);
    t.false(stdout.includes('\u001b[31m'));
  }));

gated('Ctrl-C ends the command that runs, and not the shell', (t) =>
  withWorld(async ({ directory, source, store, backup }) => {
    writeFileSync(join(source, 'long'), noise('long', 20 * MIB));
    await backup();
    const file = 'root.ppxar.didx';
    const index = decodeIndex(readFileSync(new StoredSnapshot(store).path(file)), file);
    const digest = index.digest(index.count - 1).toString('hex');
    const chunk = join(store, '.chunks', digest.slice(0, 4), digest);
    const go = join(directory, 'go');
    const steps = [
      ['pxar:/ > ', `restore ${join(directory, 'target')}\r`],
      ['target', '\u0003'],
      ['^C', '', go],
      ['pxar:/ > ', 'pwd\r'],
      ['"/"', 'exit\r'],
    ];
    const stdout = await withGate([{ path: chunk, on: 'read', nth: 1, act: 'hold', until: go }], () =>
      atTerminal(steps, store),
    );
    t.regex(stdout, /\^C[\s\S]*"\/"/);
    t.notRegex(stdout, /restored|Error/);
  }),
);

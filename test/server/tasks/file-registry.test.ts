import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Log } from '../../../src/server/server-context.js';
import { FileTaskRegistry } from '../../../src/server/tasks/file-registry.js';
import { LOG_LIMIT } from '../../../src/server/tasks/log-file.js';
import { parseUpid } from '../../../src/server/tasks/upid.js';
import { withTemporaryDirectory } from '../../support/world.js';
import { ManualClock } from '../access/manual-clock.js';

const ANN = 'ann@pbs!laptop';
const WHOLE = { start: 0, limit: 0 };
const quiet: Log = () => undefined;

interface World {
  readonly directory: string;
  readonly clock: ManualClock;
  readonly open: (log?: Log) => Promise<FileTaskRegistry>;
}

function withTasks(use: (world: World) => Promise<void>): Promise<void> {
  return withTemporaryDirectory((parent) => {
    const [directory, clock] = [join(parent, 'tasks'), new ManualClock()];
    return use({ directory, clock, open: (log = quiet) => FileTaskRegistry.open({ directory, clock, log }) });
  });
}

const backup = { type: 'backup', workerId: 'store1:host/pc-1', authId: ANN };

test('A task that runs and one that has ended show what they are, and what they said.', (t) =>
  withTasks(async ({ clock, open }) => {
    const tasks = await open();
    const task = tasks.begin(backup);
    task.log('first');
    const parsed = parseUpid(task.upid);
    t.like(parsed, { pid: process.pid, startTime: clock.seconds, ...backup });
    t.deepEqual(tasks.all(), [
      { upid: task.upid, ...backup, startTime: clock.seconds, endTime: undefined, status: undefined },
    ]);
    t.is((await tasks.lines(task.upid, WHOLE)).total, 1);
    clock.seconds += 5;
    task.end();
    task.log('never seen');
    t.like(tasks.find(task.upid), { endTime: clock.seconds, status: 'OK' });
    const { lines, total } = await tasks.lines(task.upid, WHOLE);
    t.is(total, 2);
    t.deepEqual(
      lines.map(({ n }) => n),
      [1, 2],
    );
    t.regex(lines[0]!.t, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d: first$/);
    t.regex(lines[1]!.t, /: TASK OK$/);
    t.is((await tasks.text(task.upid)).toString(), lines.map((line) => `${line.t}\n`).join(''));
  }));

test('Parts of a log begin at a line and have at most so many.', (t) =>
  withTasks(async ({ open }) => {
    const tasks = await open();
    const task = tasks.begin(backup);
    for (let i = 1; i <= 9; i += 1) task.log(`line ${i}`);
    task.end();
    const numbers = async (start: number, limit: number): Promise<number[]> =>
      (await tasks.lines(task.upid, { start, limit })).lines.map(({ n }) => n);
    t.deepEqual(await numbers(0, 2), [1, 2]);
    t.deepEqual(await numbers(1, 2), [1, 2]);
    t.deepEqual(await numbers(9, 50), [9, 10]);
    t.deepEqual(await numbers(11, 50), []);
    t.is((await numbers(0, 0)).length, 10);
  }));

test('Errors and warnings are the status and the last line.', (t) =>
  withTasks(async ({ open }) => {
    const tasks = await open();
    const ends = async (end: (task: ReturnType<FileTaskRegistry['begin']>) => void): Promise<string[]> => {
      const task = tasks.begin(backup);
      end(task);
      const { lines } = await tasks.lines(task.upid, WHOLE);
      return [tasks.find(task.upid)?.status ?? '', lines.at(-1)?.t.slice(27) ?? ''];
    };
    t.deepEqual(await ends((task) => task.end(new Error('went\nwrong'))), [
      'went wrong',
      'TASK ERROR: went wrong',
    ]);
    t.deepEqual(await ends((task) => task.end(new Error('OK'))), ['failed: OK', 'TASK ERROR: failed: OK']);
    t.deepEqual(await ends((task) => task.end(new Error(''))), ['Error', 'TASK ERROR: Error']);
    const warned = await ends((task) => {
      task.warn('one');
      task.warn('two');
      task.end();
      task.end(new Error('too late'));
    });
    t.deepEqual(warned, ['WARNINGS: 2', 'TASK WARNINGS: 2']);
  }));

test('The next server knows the tasks of the one before; what had not ended is unknown.', (t) =>
  withTasks(async ({ clock, open }) => {
    const before = await open();
    const [good, bad, killed] = [before.begin(backup), before.begin(backup), before.begin(backup)];
    clock.seconds += 60;
    killed.log('still running');
    // Longer than what is read at once.
    for (let i = 0; i < 20; i += 1) bad.log('€'.repeat(4096));
    good.end();
    bad.end(new Error('no space €'.repeat(400)));
    await before.settled();
    const after = await open();
    t.deepEqual(after.find(good.upid), before.find(good.upid));
    t.deepEqual(after.find(bad.upid), before.find(bad.upid));
    t.like(after.find(killed.upid), { status: 'unknown', endTime: clock.seconds });
    t.is((await after.lines(killed.upid, WHOLE)).total, 1);
    // Nobody else closes its file.
    killed.end();
    await before.settled();
  }));

test('A task is asked to stop by its signal, and all of them when the server stops.', (t) =>
  withTasks(async ({ open }) => {
    const tasks = await open();
    const [one, other] = [tasks.begin(backup), tasks.begin(backup)];
    tasks.stop(one.upid);
    tasks.stop('UPID:nothing');
    t.true(one.signal.aborted);
    t.false(other.signal.aborted);
    t.is(tasks.find(one.upid)?.endTime, undefined);
    let closed = false;
    const closing = tasks.close().then(() => {
      closed = true;
    });
    t.true(other.signal.aborted);
    other.end(new Error('abort requested - aborting task'));
    await tasks.settled();
    t.false(closed);
    one.end();
    await closing;
    await tasks.close();
    t.is(tasks.find(other.upid)?.status, 'abort requested - aborting task');
  }));

test('The newest thousand tasks of a user are kept, for thirty days.', (t) =>
  withTasks(async ({ directory, clock, open }) => {
    const tasks = await open();
    const old = tasks.begin(backup);
    old.end();
    clock.seconds += 31 * 24 * 60 * 60;
    const upids: string[] = [];
    for (let i = 0; i < 1002; i += 1) {
      const task = tasks.begin(backup);
      upids.push(task.upid);
      task.end();
    }
    await tasks.settled();
    t.deepEqual(
      tasks.all().map(({ upid }) => upid),
      upids.slice(2).reverse(),
    );
    t.is(readdirSync(directory).length, 1000);
    t.is((await open()).all().length, 1000);
    clock.seconds += 31 * 24 * 60 * 60;
    const later = await open();
    await later.settled();
    t.is(later.all().length, 0);
    t.is(readdirSync(directory).length, 0);
  }));

test('After a restart a task is as old as its end, whenever it began.', (t) =>
  withTasks(async ({ clock, open }) => {
    const before = await open();
    const [long, short] = [before.begin(backup), before.begin(backup)];
    short.end();
    clock.seconds += 29 * 24 * 60 * 60;
    long.end();
    await before.settled();
    clock.seconds += 2 * 24 * 60 * 60;
    const after = await open();
    await after.settled();
    t.deepEqual(
      after.all().map(({ upid }) => upid),
      [long.upid],
    );
  }));

test('Nobody pushes out the tasks of others, nor does a restart.', (t) =>
  withTasks(async ({ directory, clock, open }) => {
    const tasks = await open();
    const other = tasks.begin({ ...backup, authId: 'bob@pbs' });
    other.end();
    for (let i = 0; i < 1001; i += 1) tasks.begin({ ...backup, authId: i % 2 === 0 ? ANN : 'ann@pbs' }).end();
    await tasks.settled();
    t.is(tasks.find(other.upid)?.status, 'OK');
    t.is(tasks.all().length, 1001);
    t.is(readdirSync(directory).length, 1001);
    clock.seconds += 1;
    const kept = { perUser: 10, inAll: 15, seconds: 60 };
    const fewer = await FileTaskRegistry.open({ directory, clock, log: quiet, kept });
    await fewer.settled();
    t.is(fewer.find(other.upid)?.status, 'OK');
    t.is(fewer.all().length, 11);
    t.is(readdirSync(directory).length, 11);
  }));

test('Logs are only for the owner, and bounded in their lines and their length.', (t) =>
  withTasks(async ({ directory, open }) => {
    const tasks = await open();
    const task = tasks.begin(backup);
    for (let i = 0; i < 500; i += 1) task.log('x'.repeat(100_000));
    task.log('two\nlines\u001b[2J');
    task.end();
    const { lines, total } = await tasks.lines(task.upid, WHOLE);
    t.true(lines.every(({ t: text }) => text.length < 4200));
    t.is(total, lines.length);
    t.regex(lines.at(-2)!.t, /the log was too long/);
    t.regex(lines.at(-1)!.t, /: TASK OK$/);
    const [name = ''] = readdirSync(directory);
    const { mode, size } = statSync(join(directory, name));
    t.is(mode & 0o777, 0o600);
    t.is(statSync(directory).mode & 0o777, 0o700);
    t.true(size < LOG_LIMIT + 10_000, `${size}`);
  }));

test('Files that no task has left are not shown.', (t) =>
  withTasks(async ({ directory, open }) => {
    const tasks = await open();
    const task = tasks.begin(backup);
    task.end();
    await tasks.settled();
    const [name = ''] = readdirSync(directory);
    const text = readFileSync(join(directory, name));
    writeFileSync(join(directory, 'notes.log'), text);
    writeFileSync(join(directory, name.replace(/^./, '0')), text);
    writeFileSync(join(directory, name.replace(/^./, '1')), 'nothing\n');
    t.deepEqual(
      (await open()).all().map(({ upid }) => upid),
      [task.upid],
    );
  }));

test('A task goes on when its log cannot be written; the server says so once.', (t) =>
  withTasks(async ({ directory, open }) => {
    const said: string[] = [];
    const tasks = await open((event) => said.push(event));
    const first = tasks.begin(backup);
    await tasks.settled();
    const [name = ''] = readdirSync(directory);
    // The next task's file is in the way already.
    const next = name.replace(/-([0-9A-F]+)\.log$/, '-00000001.log');
    writeFileSync(join(directory, next), '');
    const second = tasks.begin(backup);
    for (let i = 0; i < 3; i += 1) {
      second.log('x');
      await tasks.settled();
    }
    second.end();
    first.end();
    await tasks.settled();
    t.is(tasks.find(second.upid)?.status, 'OK');
    t.deepEqual(said, ['task-log-failed']);
  }));

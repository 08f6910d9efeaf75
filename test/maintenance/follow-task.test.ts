/** Following a task's log (rest-api.md §4.2). */
import test from 'ava';
import { checkTask, type FollowOptions, followTask } from '../../src/maintenance/follow-task.js';
import type { TaskLog, Tasks } from '../../src/repository/management.js';

interface FakeTask {
  readonly tasks: Tasks;
  readonly asked: number[];
  readonly stops: string[];
}

/** A task whose log grows by one of `parts` with each look, and ends after the last. Stopping it drops what would come. */
function fakeTask(parts: readonly (readonly string[])[], result = 'OK', pageSize = 500): FakeTask {
  const [asked, stops]: [number[], string[]] = [[], []];
  const [there, rest]: [string[], (readonly string[])[]] = [[], [...parts]];
  const log = (_: string, start: number): Promise<TaskLog> => {
    asked.push(start);
    if (start > there.length) there.push(...(rest.shift() ?? []));
    const lines = there.slice(start - 1, start - 1 + pageSize);
    return Promise.resolve({
      lines,
      next: start + lines.length,
      total: there.length,
      active: rest.length > 0,
    });
  };
  const stop = (upid: string): Promise<void> => {
    stops.push(upid);
    rest.length = 0;
    there.push('received abort request');
    return Promise.resolve();
  };
  const tasks = { list: () => Promise.resolve([]), log, stop, result: () => Promise.resolve(result) };
  return { tasks, asked, stops };
}

function options(lines: string[], extra: Partial<FollowOptions> = {}): FollowOptions {
  return {
    onLine: (line) => Promise.resolve(void lines.push(line)),
    pollMs: 0,
    signal: new AbortController().signal,
    onAbort: 'stop task',
    ...extra,
  };
}

test('each line is shown once and in order, however often one has to look', async (t) => {
  const { tasks, asked } = fakeTask([['one', 'two'], [], ['three'], ['TASK OK']]);
  const lines: string[] = [];
  await followTask(tasks, 'UPID:a', options(lines));
  t.deepEqual(lines, ['one', 'two', 'three', 'TASK OK']);
  t.deepEqual(asked, [1, 3, 3, 4]);
});

test('a log longer than one reply is read to its end', async (t) => {
  const { tasks, asked } = fakeTask([['1', '2', '3', '4', '5']], 'OK', 2);
  const lines: string[] = [];
  await followTask(tasks, 'UPID:a', options(lines));
  t.deepEqual(lines, ['1', '2', '3', '4', '5']);
  t.deepEqual(asked, [1, 3, 5]);
});

test('an abort stops a task that the command started, once, and shows what it still says', async (t) => {
  const { tasks, stops } = fakeTask([['one'], ['two'], ['three']]);
  const controller = new AbortController();
  const lines: string[] = [];
  const onLine = (line: string): Promise<void> => {
    lines.push(line);
    controller.abort(new Error('interrupted'));
    return Promise.resolve();
  };
  await t.throwsAsync(followTask(tasks, 'UPID:a', options(lines, { onLine, signal: controller.signal })), {
    message: 'interrupted',
  });
  t.deepEqual(stops, ['UPID:a']);
  t.deepEqual(lines, ['one', 'received abort request']);
});

test('an abort ends a pause', async (t) => {
  const { tasks, stops } = fakeTask([['one'], ['two']]);
  const controller = new AbortController();
  const following = followTask(
    tasks,
    'UPID:a',
    options([], { pollMs: 2 ** 31 - 1, signal: controller.signal }),
  );
  setImmediate(() => controller.abort(new Error('interrupted')));
  await t.throwsAsync(following, { message: 'interrupted' });
  t.deepEqual(stops, ['UPID:a']);
});

test('an abort leaves a task alone that was only watched', async (t) => {
  const { tasks, stops } = fakeTask([['one'], ['two']]);
  const signal = AbortSignal.abort(new Error('interrupted'));
  await t.throwsAsync(followTask(tasks, 'UPID:a', options([], { signal, onAbort: 'leave' })), {
    message: 'interrupted',
  });
  t.deepEqual(stops, []);
});

test('a task is well with OK and with warnings, and nothing else', async (t) => {
  for (const status of ['OK', 'WARNINGS: 2'])
    await t.notThrowsAsync(checkTask(fakeTask([], status).tasks, 'UPID:a'));
  await t.throwsAsync(checkTask(fakeTask([], 'unable to read disk').tasks, 'UPID:a'), {
    code: 'TASK_FAILED',
    message: 'task failed (status unable to read disk)',
  });
});

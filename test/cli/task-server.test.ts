/** Commands that start a server's task and follow it, with a server of the test's own (rest-api.md §4.2). */
import test from 'ava';
import { type RunOptions, startRestat } from '../support/cli.js';
import { answer, type SeenRequest, type TestServer, withServer } from '../support/https-server.js';

const UPID = 'UPID:vm:00006110:0004BB07:00000241:6B02DDC9:garbage_collection:vectors:ann@pbs!laptop:';
const TIME = '2026-11-22T12:19:26+00:00: ';

/** A task of which a look shows one line more. It ends when there are no more, or when it is stopped. */
class ServedTask {
  readonly lines: string[];
  readonly exitStatus: string;
  onLook: () => void = () => undefined;
  #shown = 0;
  #stopped = false;

  constructor(lines: readonly string[], exitStatus: string) {
    this.lines = [...lines];
    this.exitStatus = exitStatus;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  reply({ method, url }: SeenRequest): string {
    const path = new URL(url, 'https://server').pathname;
    if (method === 'POST') return JSON.stringify({ data: UPID });
    if (method === 'DELETE') return this.#stop();
    if (path.endsWith('/status'))
      return JSON.stringify({ data: { status: 'stopped', exitstatus: this.exitStatus } });
    return this.#log(Number(new URL(url, 'https://server').searchParams.get('start')));
  }

  #stop(): string {
    this.#stopped = true;
    return '{"data":null}';
  }

  #log(start: number): string {
    this.#shown = Math.min(this.#shown + 1, this.lines.length);
    const there = this.lines.slice(0, this.#shown);
    const data = there.map((t, i) => ({ n: i + 1, t: TIME + t })).slice(start - 1);
    const active = this.#shown < this.lines.length && !this.#stopped;
    this.onLook();
    return JSON.stringify({ data, total: there.length, success: 1, active });
  }
}

function options({ port, fingerprint }: TestServer): RunOptions {
  return {
    env: {
      PBS_REPOSITORY: `ann@pbs!laptop@127.0.0.1:${port}:vectors`,
      PBS_PASSWORD: 'secret',
      PBS_FINGERPRINT: fingerprint,
    },
  };
}

function serve<T>(task: ServedTask, use: (server: TestServer) => Promise<T>): Promise<T> {
  return withServer((request, response) => answer(response, 200, task.reply(request)), use);
}

test('garbage collection is followed to its end, each line once, without times', async (t) => {
  const task = new ServedTask(['starting', 'phase 1', 'TASK OK'], 'OK');
  const result = await serve(task, (server) => startRestat(['garbage-collect'], options(server)).result);
  t.deepEqual(result, { code: 0, signal: null, stdout: 'starting\nphase 1\nTASK OK\n', stderr: '' });
});

test('a task that went wrong is a failure', async (t) => {
  const task = new ServedTask(['TASK ERROR: disk'], 'disk');
  for (const words of [
    ['verify', 'host/a'],
    ['group', 'move', 'host/a', '--target-ns', 'x'],
    ['task', 'log', UPID],
  ]) {
    const { code, stdout, stderr } = await serve(
      task,
      (server) => startRestat(words, options(server)).result,
    );
    t.deepEqual([code, stdout], [1, 'TASK ERROR: disk\n'], words[0]);
    t.is(stderr, 'Error: task failed (status disk)\n');
  }
});

test('with a JSON format a task is started and left alone', async (t) => {
  const task = new ServedTask([], 'OK');
  for (const words of [['garbage-collect'], ['verify'], ['namespace', 'move', 'a', '--target-ns', '']]) {
    const { stdout } = await serve(
      task,
      (server) => startRestat([...words, '--output-format', 'json'], options(server)).result,
    );
    t.is(stdout, `${JSON.stringify(UPID)}\n`);
  }
});

/** Interrupts the program when it looks at the log for the first time. */
function interrupt(words: readonly string[], task: ServedTask): ReturnType<typeof startRestat>['result'] {
  return serve(task, async (server) => {
    const running = startRestat(words, options(server));
    task.onLook = () => {
      task.onLook = () => undefined;
      running.process.kill('SIGINT');
    };
    return running.result;
  });
}

test('an interrupt stops the task that the command has started, and waits for its end', async (t) => {
  const task = new ServedTask(
    Array.from({ length: 1000 }, (_, i) => `line ${i}`),
    'aborted',
  );
  const { code, stderr } = await interrupt(['garbage-collect'], task);
  t.true(task.stopped);
  t.is(code, 130);
  t.is(stderr, 'Interrupted.\n');
});

test('an interrupt leaves a task alone that is only looked at', async (t) => {
  const task = new ServedTask(
    Array.from({ length: 1000 }, (_, i) => `line ${i}`),
    'OK',
  );
  const { code, stderr } = await interrupt(['task', 'log', UPID], task);
  t.false(task.stopped);
  t.is(code, 130);
  t.is(stderr, 'Interrupted.\n');
});

test('task stop asks the server once', async (t) => {
  const task = new ServedTask(['one', 'two'], 'OK');
  const result = await serve(task, (server) => startRestat(['task', 'stop', UPID], options(server)).result);
  t.deepEqual(result, { code: 0, signal: null, stdout: '', stderr: '' });
  t.true(task.stopped);
});

test('control characters of a log do not reach the terminal', async (t) => {
  const task = new ServedTask(['\u001b[2Jgone\u009b?\ttab ä\r', 'TASK OK'], 'OK');
  const { stdout } = await serve(task, (server) => startRestat(['verify'], options(server)).result);
  t.is(stdout, '\\x1b[2Jgone\\x9b?\ttab ä\\x0d\nTASK OK\n');
});

test('tasks are listed in the order in which they began', async (t) => {
  const item = {
    node: 'n',
    pid: 1,
    pstart: 2,
    worker_type: 'verify',
    worker_id: null,
    user: 'ann@pbs!laptop',
  };
  const data = [
    { ...item, upid: UPID.replace('241', '242'), starttime: 1_700_000_060 },
    { ...item, upid: UPID, starttime: 1_700_000_000, endtime: 1_700_000_030, status: 'OK\nmore' },
  ];
  const { stdout, stderr } = await withServer(
    (_, response) => answer(response, 200, JSON.stringify({ data, total: 2 })),
    (server) => startRestat(['task', 'list'], plain(options(server))).result,
  );
  t.is(stderr, '');
  t.is(
    stdout,
    [
      `Tue Nov 14 22:13:20 2023 Tue Nov 14 22:13:50 2023 ${UPID} OK\\x0amore`,
      `Tue Nov 14 22:14:20 2023                          ${UPID.replace('241', '242')}           `,
      '',
    ].join('\n'),
  );
});

/** Tables without borders. */
function plain({ env = {}, ...rest }: RunOptions): RunOptions {
  return { ...rest, env: { ...env, PROXMOX_OUTPUT_NO_BORDER: '1' } };
}

test('version says what cannot be reached, and is no failure', async (t) => {
  const { code, stdout, stderr } = await withServer(
    (_, response) => answer(response, 403, 'permission check failed'),
    (server) => startRestat(['version'], options(server)).result,
  );
  t.is(code, 0);
  t.regex(stdout, /^client version: \S+\n$/);
  t.regex(stderr, /^Warning: the server's version is unknown: .*permission check failed/);
});

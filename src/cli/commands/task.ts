/** `restat task list|log|stop`: tasks of a server. */
import { checkTask } from '../../maintenance/follow-task.js';
import type { TaskInfo } from '../../repository/management.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  optionFlag,
  optionNumber,
  type PositionalSpec,
  positional,
  serverOptions,
} from '../command.js';
import { type Context, outputFormat, printTable } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { formatLocalTime } from '../output/human.js';
import type { Json } from '../output/json.js';
import type { Column } from '../output/table.js';
import { commandRepository } from '../repository.js';
import { printTask } from './task-follow.js';

const DEFAULT_LIMIT = 50;
/** Node, process, start of it, number, time, type, worker, user; hexadecimal where rest-api.md §4.1 says so. */
const UPID = /^UPID:[^:\s/]+:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8,16}:[0-9A-F]{8}:[^:\s]+:[^:\s]*:[^:\s]+:$/i;

function localTime(seconds: number | undefined): string {
  return seconds === undefined ? '' : formatLocalTime(seconds);
}

const columns: readonly Column<TaskInfo>[] = [
  { header: 'starttime', value: ({ startTime }) => localTime(startTime) },
  { header: 'endtime', value: ({ endTime }) => localTime(endTime) },
  { header: 'upid', value: ({ upid }) => upid },
  { header: 'status', value: ({ status }) => status ?? '' },
];

function taskJson(task: TaskInfo): Json {
  return {
    upid: task.upid,
    node: task.node,
    pid: task.pid,
    pstart: task.processStart,
    starttime: task.startTime,
    worker_type: task.type,
    worker_id: task.worker,
    user: task.user,
    endtime: task.endTime,
    status: task.status,
  };
}

async function list(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const { tasks } = (await commandRepository(invocation, context)).management();
  const limit = optionNumber(invocation, 'limit') ?? DEFAULT_LIMIT;
  const found = await tasks.list({ limit, finished: optionFlag(invocation, 'all') });
  const rows = found.toSorted((a, b) => a.startTime - b.startTime);
  printTable(context, format, found.map(taskJson), columns, rows);
  return ExitCode.done;
}

function upidOf(invocation: Invocation, command: readonly string[]): string {
  const upid = positional(invocation, 'upid');
  if (UPID.test(upid)) return upid;
  throw new UsageError(`'${upid}' is not the name of a task, which task list shows`, command);
}

const LOG = ['task', 'log'];

async function log(invocation: Invocation, context: Context): Promise<number> {
  const upid = upidOf(invocation, LOG);
  const { tasks } = (await commandRepository(invocation, context)).management();
  await printTask(context, tasks, upid, 'leave');
  await checkTask(tasks, upid);
  return ExitCode.done;
}

const STOP = ['task', 'stop'];

async function stop(invocation: Invocation, context: Context): Promise<number> {
  const upid = upidOf(invocation, STOP);
  await (await commandRepository(invocation, context)).management().tasks.stop(upid);
  return ExitCode.done;
}

const upidPositional: PositionalSpec = { name: 'upid', description: 'name of the task: UPID:…' };

export const taskCommands: readonly CommandSpec[] = [
  {
    path: ['task', 'list'],
    description: "List a server's tasks of this user and datastore that run.",
    positionals: [],
    options: {
      ...serverOptions,
      ...formatOptions,
      limit: {
        type: 'integer',
        minimum: 1,
        maximum: 1000,
        placeholder: 'N',
        default: String(DEFAULT_LIMIT),
        description: 'at most so many',
      },
      all: { type: 'boolean', description: 'also those that have ended' },
    },
    run: list,
  },
  {
    path: LOG,
    description: 'Print the log of a task, and wait for its end. An interrupt leaves the task alone.',
    positionals: [upidPositional],
    options: serverOptions,
    run: log,
  },
  {
    path: STOP,
    description: 'Ask a task to stop.',
    positionals: [upidPositional],
    options: serverOptions,
    run: stop,
  },
];

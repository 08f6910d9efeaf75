/** What runs and ran on the server. rest-api.md §4.2. */
import { ownsGroupOf, splitTokenId } from '../access/auth-id.js';
import { hasAny } from '../access/privileges.js';
import type { Privilege } from '../access/roles.js';
import { CallError } from '../http/call-error.js';
import { type Caller, endpoint } from '../http/endpoint.js';
import type { ParameterSpec } from '../http/parameters.js';
import type { ServerContext } from '../server-context.js';
import { FLAG, OPTIONAL_TEXT } from '../specs.js';
import type { TaskState } from '../tasks/task-registry.js';
import { parseUpid } from '../tasks/upid.js';
import { isSelected } from './task-selection.js';

const FROM = { kind: 'integer', min: 0, optional: true } as const satisfies ParameterSpec;
const UPID = { upid: { kind: 'text', pattern: /^UPID:\S*:$/, max: 4096 } } as const;
/** Tasks or lines that are shown where nothing is said. */
const LIMIT = 50;
/** The server answers by this name only. */
const NODE = 'localhost';

/** Its own tasks, those of its tokens, and with the privilege all. */
function maySee({ access, authId }: Caller, owner: string, privilege: Privilege): boolean {
  return ownsGroupOf(authId, owner) || hasAny(access.table, authId, '/system/tasks', [privilege]);
}

/** The same for many tasks, of which few owners have most: each is looked at once. */
function visibleTo(caller: Caller, privilege: Privilege): (owner: string) => boolean {
  const known = new Map<string, boolean>();
  return (owner) => {
    const may = known.get(owner) ?? maySee(caller, owner, privilege);
    known.set(owner, may);
    return may;
  };
}

/** Throws CallError 403 before anybody learns whether there is such a task, then 400. */
function findTask({ tasks }: ServerContext, caller: Caller, upid: string, privilege: Privilege): TaskState {
  const owner = parseUpid(upid)?.authId;
  if (owner === undefined) throw new CallError(400, 'unable to parse UPID');
  if (!maySee(caller, owner, privilege)) throw new CallError(403, 'permission check failed');
  const task = tasks.find(upid);
  if (task === undefined) throw new CallError(400, 'no such task');
  return task;
}

/** What the name of a task says. */
function nameFields({ upid, startTime }: TaskState): Record<string, unknown> {
  const { pid = 0, processStart = 0 } = parseUpid(upid) ?? {};
  return { upid, node: NODE, pid, pstart: processStart, starttime: startTime };
}

function taskItem(task: TaskState): Record<string, unknown> {
  const { type, workerId, authId, endTime, status } = task;
  return {
    ...nameFields(task),
    worker_type: type,
    ...(workerId === '' ? {} : { worker_id: workerId }),
    user: authId,
    ...(endTime === undefined ? {} : { endtime: endTime, status }),
  };
}

/** The newest first; `total` counts all that were selected. */
export const taskList = endpoint({
  method: 'GET',
  path: 'nodes/localhost/tasks',
  parameters: {
    start: FROM,
    limit: FROM,
    running: FLAG,
    errors: FLAG,
    userfilter: OPTIONAL_TEXT,
    store: OPTIONAL_TEXT,
    since: FROM,
    until: FROM,
    typefilter: OPTIONAL_TEXT,
    statusfilter: { kind: 'texts', pattern: /^(?:ok|warning|error|unknown)$/, optional: true },
  },
  run({ context, values }, caller) {
    const { start = 0, limit = LIMIT, running = false, errors = false, store, since, until } = values;
    const { userfilter: user, typefilter: type, statusfilter: results } = values;
    const selection = { running, errors, store, since, until, user, type, results };
    const isVisible = visibleTo(caller, 'Sys.Audit');
    const found = context.tasks.all().filter((task) => isVisible(task.authId) && isSelected(task, selection));
    const shown = found.slice(start, limit === 0 ? undefined : start + limit);
    return Promise.resolve({ data: shown.map(taskItem), more: { total: found.length } });
  },
});

export const taskStatus = endpoint({
  method: 'GET',
  path: 'nodes/localhost/tasks/{upid}/status',
  parameters: UPID,
  run({ context, values }, caller) {
    const task = findTask(context, caller, values.upid, 'Sys.Audit');
    const token = splitTokenId(task.authId);
    const ended = task.endTime === undefined ? {} : { exitstatus: task.status, endtime: task.endTime };
    const data = {
      ...nameFields(task),
      type: task.type,
      ...(task.workerId === '' ? {} : { id: task.workerId }),
      user: token?.userId ?? task.authId,
      ...(token === undefined ? {} : { tokenid: token.name }),
      status: task.endTime === undefined ? 'running' : 'stopped',
      ...ended,
    };
    return Promise.resolve({ data });
  },
});

/** Lines of a log, the first of which is 1; with `download` all of it as a file. */
export const taskLog = endpoint({
  method: 'GET',
  path: 'nodes/localhost/tasks/{upid}/log',
  parameters: { ...UPID, start: FROM, limit: FROM, 'test-status': FLAG, download: FLAG },
  async run({ context, values }, caller) {
    const { upid, start, limit, 'test-status': withStatus, download } = values;
    // Before the lines are read: what is told after a task has ended is all of it.
    const active = findTask(context, caller, upid, 'Sys.Audit').endTime === undefined;
    if (download === true) {
      if (start !== undefined || limit !== undefined || withStatus !== undefined)
        throw new CallError(400, "parameter 'download' cannot be used with other parameters");
      return { bytes: await context.tasks.text(upid) };
    }
    const { lines, total } = await context.tasks.lines(upid, { start: start ?? 0, limit: limit ?? LIMIT });
    return { data: lines, more: { total, success: 1, ...(withStatus === true ? { active } : {}) } };
  },
});

/** Asks a task to stop; one that has ended is left alone. */
export const stopTask = endpoint({
  method: 'DELETE',
  path: 'nodes/localhost/tasks/{upid}',
  parameters: UPID,
  run({ context, values }, caller) {
    const { upid } = findTask(context, caller, values.upid, 'Sys.Modify');
    context.tasks.stop(upid);
    return Promise.resolve({ data: null });
  },
});

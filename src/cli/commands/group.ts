/** `restat group forget|move|notes show|notes update`. */
import { addAbortSignal } from 'node:stream';
import { RepositoryError } from '../../repository/errors.js';
import { formatGroup } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  lockOptions,
  optionFlag,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, outputFormat } from '../context.js';
import { ExitCode } from '../errors.js';
import { changedRepository, commandNamespace, commandRepository, lockWait } from '../repository.js';
import { targetOf, targetOption } from './namespace.js';
import { printNotes } from './notes.js';
import { startedTask } from './task-follow.js';
import { groupOf, groupPositional } from './words.js';

/** Longest answer that is looked at. */
const ANSWER_MAX = 64;

/** Asks on standard output, as the reference client does; the answer is a line of standard input. */
async function confirm(question: string, { stdin, stdout, signal }: Context): Promise<boolean> {
  stdout.write(question);
  let answer = '';
  stdin.setEncoding('utf8');
  for await (const text of addAbortSignal(signal, stdin)) {
    answer += String(text);
    if (answer.includes('\n') || answer.length > ANSWER_MAX) break;
  }
  return /^y(?:es)?$/i.test(answer.split('\n', 1)[0]?.trim() ?? '');
}

const FORGET = ['group', 'forget'];

async function forget(invocation: Invocation, context: Context): Promise<number> {
  const group = groupOf(invocation, FORGET);
  const namespace = commandNamespace(invocation, context);
  const repository = await changedRepository(invocation, context);
  const name = formatGroup(group);
  if (!optionFlag(invocation, 'yes')) {
    const { length } = await repository.snapshots(namespace, group);
    const question = `Delete group "${name}" with ${length} snapshot(s)? [y/N]: `;
    if (!(await confirm(question, context))) {
      context.stdout.write('Abort.\n');
      return ExitCode.done;
    }
  }
  const summary = await repository.management().forgetGroup(namespace, group, lockWait(invocation, context));
  if (summary?.groups === 0) throw new RepositoryError('GROUP_MISSING', `there is no group ${name}`);
  context.stdout.write('Successfully deleted group!\n');
  return ExitCode.done;
}

const MOVE = ['group', 'move'];

async function move(invocation: Invocation, context: Context): Promise<number> {
  const group = groupOf(invocation, MOVE);
  const target = targetOf(invocation, MOVE);
  const management = (await changedRepository(invocation, context)).management();
  const namespace = commandNamespace(invocation, context);
  const merge = invocation.options.get('merge-group') !== false;
  const upid = await management.moveGroup(namespace, group, target, { merge });
  return startedTask(invocation, context, management.tasks, upid);
}

const SHOW = ['group', 'notes', 'show'];

async function showNotes(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const group = groupOf(invocation, SHOW);
  const management = (await commandRepository(invocation, context)).management();
  printNotes(context, format, await management.groupNotes(commandNamespace(invocation, context), group));
  return ExitCode.done;
}

const UPDATE = ['group', 'notes', 'update'];

async function updateNotes(invocation: Invocation, context: Context): Promise<number> {
  const group = groupOf(invocation, UPDATE);
  const management = (await changedRepository(invocation, context)).management();
  const notes = positional(invocation, 'notes');
  const wait = lockWait(invocation, context);
  await management.setGroupNotes(commandNamespace(invocation, context), group, notes, wait);
  return ExitCode.done;
}

export const groupCommands: readonly CommandSpec[] = [
  {
    path: FORGET,
    description: 'Delete a group with all its snapshots that are not protected. Asks before.',
    positionals: [groupPositional],
    options: {
      ...repositoryOptions,
      ...lockOptions,
      yes: { type: 'boolean', description: 'do not ask' },
    },
    run: forget,
  },
  {
    path: MOVE,
    description: 'Move a group of a server into another namespace.',
    positionals: [groupPositional],
    options: {
      ...repositoryOptions,
      ...formatOptions,
      'target-ns': targetOption,
      'merge-group': { type: 'boolean', default: 'true', description: 'join the group if the target has it' },
    },
    run: move,
  },
  {
    path: SHOW,
    description: 'Print the notes of a group.',
    positionals: [groupPositional],
    options: { ...repositoryOptions, ...formatOptions },
    run: showNotes,
  },
  {
    path: UPDATE,
    description: 'Replace the notes of a group. Empty ones are removed.',
    positionals: [groupPositional, { name: 'notes', description: 'text' }],
    options: { ...repositoryOptions, ...lockOptions },
    run: updateNotes,
  },
];

/** `restat snapshot protected show|update`. */
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  lockOptions,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, outputFormat, printJson } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { booleanWord } from '../normalise.js';
import { changedRepository, commandNamespace, commandRepository, lockWait } from '../repository.js';
import { snapshotOf, snapshotPositional } from './words.js';

const SHOW = ['snapshot', 'protected', 'show'];

async function show(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const snapshot = snapshotOf(invocation, SHOW);
  const management = (await commandRepository(invocation, context)).management();
  const on = await management.isProtected(commandNamespace(invocation, context), snapshot);
  if (format === 'text') context.stdout.write(`${on}\n`);
  else printJson(context, format, { protected: on });
  return ExitCode.done;
}

const UPDATE = ['snapshot', 'protected', 'update'];

async function update(invocation: Invocation, context: Context): Promise<number> {
  const snapshot = snapshotOf(invocation, UPDATE);
  const word = positional(invocation, 'protected');
  const on = booleanWord(word);
  if (on === undefined) throw new UsageError(`protected: '${word}' is not a boolean`, UPDATE);
  const management = (await changedRepository(invocation, context)).management();
  const wait = lockWait(invocation, context);
  await management.setProtected(commandNamespace(invocation, context), snapshot, on, wait);
  return ExitCode.done;
}

export const protectedCommands: readonly CommandSpec[] = [
  {
    path: SHOW,
    description: 'Tell whether a snapshot is protected.',
    positionals: [snapshotPositional],
    options: { ...repositoryOptions, ...formatOptions },
    run: show,
  },
  {
    path: UPDATE,
    description: 'Protect a snapshot from being deleted, or no longer.',
    positionals: [snapshotPositional, { name: 'protected', description: 'true or false' }],
    options: { ...repositoryOptions, ...lockOptions },
    run: update,
  },
];

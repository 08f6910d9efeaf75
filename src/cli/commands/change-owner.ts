/** `restat change-owner`. */
import { type CommandSpec, type Invocation, lockOptions, positional, repositoryOptions } from '../command.js';
import type { Context } from '../context.js';
import { ExitCode } from '../errors.js';
import { changedRepository, commandNamespace, lockWait } from '../repository.js';
import { groupOf, groupPositional } from './words.js';

const PATH = ['change-owner'];

async function run(invocation: Invocation, context: Context): Promise<number> {
  const group = groupOf(invocation, PATH);
  const management = (await changedRepository(invocation, context)).management();
  const owner = positional(invocation, 'new-owner');
  const wait = lockWait(invocation, context);
  await management.changeOwner(commandNamespace(invocation, context), group, owner, wait);
  return ExitCode.done;
}

export const changeOwnerCommand: CommandSpec = {
  path: PATH,
  description: 'Give a group to another user or token.',
  positionals: [groupPositional, { name: 'new-owner', description: 'ann@pbs, or a token: ann@pbs!laptop' }],
  options: { ...repositoryOptions, ...lockOptions },
  run,
};
